//! From the cells of a line to what it wants.

use crate::model::{EmailAddress, Login, NameError, PhoneNumber, ResourceName, TokenSerial};
use crate::seedfile::{Position, ProblemCode, UserCell, UserColumn, UserLine, UserList};
use crate::service::ServiceError;
use crate::service::user::name_field;

/// Why a line is not carried out, and where.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The field, counted from 1; 0: the line as a whole.
    pub(super) column: u64,
    pub(super) code: &'static str,
    /// Begins in small letters, ends with a full stop.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(column: u64, code: &'static str, what: impl Into<String>) -> Self {
        Self { column, code, what: what.into() }
    }
}

/// Where a user is to stand.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) resource: ResourceName,
    pub(super) resource_at: u64,
    /// The token that is to be theirs there.
    pub(super) serial: Option<(TokenSerial, u64)>,
}

/// What a readable line wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) login: Login,
    pub(super) login_at: u64,
    pub(super) email: Option<EmailAddress>,
    pub(super) phone: Option<PhoneNumber>,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) places: Vec<Place>,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    /// As far as it can be read.
    pub(super) login: String,
    pub(super) content: Result<Wanted, Fault>,
}

/// What the lines of a list want.
pub(super) fn rows(list: UserList) -> Vec<Row> {
    let named = list.has_header;
    list.lines.into_iter().enumerate().map(|(index, line)| row(line, index == 0 && !named)).collect()
}

fn row(line: UserLine, may_be_header: bool) -> Row {
    let UserLine { line, cells } = line;
    let (login, mut content) = match cells {
        Ok(cells) => {
            let login = cells.iter().find(|cell| cell.column == UserColumn::Login);
            let login = login.map_or("", |cell| &cell.text);
            let shown = login.chars().filter(|c| !c.is_control()).take(128).collect();
            (shown, wanted(&cells))
        }
        Err(fault) => {
            let Position { column, .. } = fault.position;
            (String::new(), Err(Fault::new(column, fault.code, fault.what)))
        }
    };
    if let Err(fault) = &mut content
        && may_be_header
    {
        fault.what.push_str(" If this line is a header, name its columns login, e-mail, phone, first name, last name, resource and token.");
    }
    Row { line, login, content }
}

fn unreadable(cell: &UserCell) -> impl FnOnce(NameError) -> Fault {
    let at = cell.at;
    move |error| Fault::new(at, "name_invalid", format!("{error}. Correct it."))
}

fn usable_login(cell: &UserCell) -> Result<Login, Fault> {
    let login = Login::parse(&cell.text).map_err(unreadable(cell))?;
    if login.is_word_of_addresses() {
        let what =
            "this login is a word of the addresses here, so no user can be called that. Use another one.";
        return Err(Fault::new(cell.at, "login_is_address", what));
    }
    Ok(login)
}

fn name(field: &'static str, cell: &UserCell) -> Result<String, Fault> {
    name_field(field, &cell.text).map_err(|error| match error {
        ServiceError::Invalid { code, detail, .. } => {
            Fault::new(cell.at, code, format!("{detail}. Shorten it."))
        }
        other => Fault::new(cell.at, "name_invalid", format!("{other}.")),
    })
}

fn wanted(cells: &[UserCell]) -> Result<Wanted, Fault> {
    let find = |column| cells.iter().find(|cell| cell.column == column);
    let Some(login) = find(UserColumn::Login) else {
        let what = "the login is missing. Write what the user signs in with.";
        return Err(Fault::new(0, "login_missing", what));
    };
    let email = find(UserColumn::Email).map(|cell| EmailAddress::parse(&cell.text).map_err(unreadable(cell)));
    let phone = find(UserColumn::Phone).map(|cell| PhoneNumber::parse(&cell.text).map_err(unreadable(cell)));
    let first = find(UserColumn::FirstName).map(|cell| name("first_name", cell));
    let last = find(UserColumn::LastName).map(|cell| name("last_name", cell));
    Ok(Wanted {
        login: usable_login(login)?,
        login_at: login.at,
        email: email.transpose()?,
        phone: phone.transpose()?,
        first_name: first.transpose()?.unwrap_or_default(),
        last_name: last.transpose()?.unwrap_or_default(),
        places: places(cells)?,
    })
}

fn places(cells: &[UserCell]) -> Result<Vec<Place>, Fault> {
    let mut places: Vec<Place> = Vec::new();
    for cell in cells {
        let UserColumn::Resource(pair) = cell.column else { continue };
        let resource = ResourceName::parse(&cell.text).map_err(unreadable(cell))?;
        if places.iter().any(|known| known.resource.normal() == resource.normal()) {
            let what = "this resource stands in the line twice. Delete one of the two.";
            return Err(Fault::new(cell.at, "resource_twice", what));
        }
        let serial = match cells.iter().find(|cell| cell.column == UserColumn::Serial(pair)) {
            Some(cell) => Some((TokenSerial::parse(&cell.text).map_err(unreadable(cell))?, cell.at)),
            None => None,
        };
        places.push(Place { resource, resource_at: cell.at, serial });
    }
    let alone = cells.iter().find(|cell| match cell.column {
        UserColumn::Serial(pair) => !cells.iter().any(|other| other.column == UserColumn::Resource(pair)),
        _ => false,
    });
    match alone {
        Some(cell) => {
            let what = "this serial number has no resource. Name the resource that the token is for.";
            Err(Fault::new(cell.at, ProblemCode::ColumnMissing.name(), what))
        }
        None => Ok(places),
    }
}
