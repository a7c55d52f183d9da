//! Lists of users: no seed file, but a table that people export just like one.
//!
//! It is read with the same eyes: text or not, the delimiter, quotes, line and column. What the cells
//! mean is the caller's to say; here each cell is given to its column.

use super::envelope;
use super::problem::{FileError, Position, ProblemCode};
use super::table::{Field, delimiter, other_delimiter, plain_name, split};
use super::text::{self, Lines};

/// Lines that are looked at for the delimiter.
const PROBED_LINES: usize = 50;
/// Columns that a file without a header begins with.
const PLAIN: [UserColumn; 5] =
    [UserColumn::Login, UserColumn::Email, UserColumn::Phone, UserColumn::FirstName, UserColumn::LastName];

/// What a column of a list of users holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserColumn {
    /// What they sign in with.
    Login,
    /// Mail address.
    Email,
    /// Phone number.
    Phone,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// The resource of the pair of this number.
    Resource(usize),
    /// The token's serial number of the pair of this number.
    Serial(usize),
}

/// One cell that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCell {
    /// What it holds.
    pub column: UserColumn,
    /// Counted from 1.
    pub at: u64,
    /// Without blanks around it.
    pub text: String,
}

/// What is wrong with a list or a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserListFault {
    /// Where; column 0: the line as a whole, line 0: the file.
    pub position: Position,
    /// Stable word.
    pub code: &'static str,
    /// Begins in small letters, ends with a full stop: what is wrong and what to do.
    pub what: String,
}

impl UserListFault {
    fn new(line: u64, column: u64, code: ProblemCode, what: impl Into<String>) -> Self {
        Self { position: Position::new(line, column), code: code.name(), what: what.into() }
    }
}

/// One line that stands for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// Counted from 1, as an editor does.
    pub line: u64,
    /// Its cells, or why it has none.
    pub cells: Result<Vec<UserCell>, UserListFault>,
}

/// A list of users, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserList {
    /// The lines behind the header.
    pub lines: Vec<UserLine>,
    /// The first line says what the columns are.
    pub has_header: bool,
}

/// The text of a list of users: the bytes as UTF-8 with line ends as they are.
///
/// # Errors
///
/// When the bytes are no text.
pub fn user_list_text(bytes: &[u8]) -> Result<String, UserListFault> {
    if let Some(envelope) = envelope::find(bytes) {
        let what = format!("this is {}. Save the list of users as CSV (UTF-8).", envelope.title);
        return Err(UserListFault::new(0, 0, ProblemCode::WrapperUnsupported, what));
    }
    match text::decode(bytes) {
        Ok(text) => Ok(text.as_str().to_owned()),
        Err(error) => {
            let (at, code) = (error.position(), error.code());
            let what = match error {
                FileError::Empty => "the file is empty. Write one line for each user.".to_owned(),
                FileError::NotUtf8 { offset, .. } => {
                    format!("the byte at offset {offset} is not UTF-8 text. Save the file as CSV (UTF-8).")
                }
                FileError::Binary { offset, .. } => format!(
                    "at offset {offset} this looks like UTF-16 without its mark or like a binary file. Save the list as CSV (UTF-8)."
                ),
                other => format!("{other}"),
            };
            Err(UserListFault::new(at.line, 0, code, what))
        }
    }
}

/// Reads a list of users of at most `most` lines.
///
/// # Errors
///
/// When the file as a whole cannot be read. What is wrong with one line stands in that line.
pub fn read_user_list(bytes: &[u8], most: usize) -> Result<UserList, UserListFault> {
    let text = user_list_text(bytes)?;
    let probed: Vec<&str> =
        Lines::new(&text).filter(|line| !line.is_void()).map(|line| line.text).take(PROBED_LINES).collect();
    let delimiter = delimiter(&probed);
    let mut fields = Vec::new();
    let mut list = UserList::default();
    let mut columns: Option<Vec<UserColumn>> = None;
    let mut first = true;
    for line in Lines::new(&text).filter(|line| !line.is_void()) {
        let parted = split(line.text, delimiter, &mut fields);
        if std::mem::take(&mut first) && parted.is_ok() && is_header(&fields) {
            columns = Some(header(line.number, &fields)?);
            list.has_header = true;
            continue;
        }
        let cells = match parted {
            Ok(()) if fields.is_empty() => continue,
            Ok(()) => match other_delimiter(line.text, delimiter) {
                Some(fault) => Err(UserListFault::new(line.number, 0, fault.code, fault.what)),
                None => cells(line.number, &fields, columns.as_deref()),
            },
            Err(fault) => Err(UserListFault::new(line.number, fault.column, fault.code, split_words(&fault))),
        };
        if list.lines.len() == most {
            let what = format!("a list may have at most {most} lines. Split it and import the parts.");
            return Err(UserListFault::new(line.number, 0, ProblemCode::LimitExceeded, what));
        }
        list.lines.push(UserLine { line: line.number, cells });
    }
    if list.lines.is_empty() {
        let what = "the file names no user. Write one line for each user.";
        return Err(UserListFault::new(0, 0, ProblemCode::EmptyFile, what));
    }
    Ok(list)
}

/// The sentences of seed files speak of vendors.
fn split_words(fault: &super::problem::Fault) -> String {
    match fault.code {
        ProblemCode::QuoteUnclosed => {
            "the quotation marks of this field do not fit. Put the field between two marks, and write a mark inside it twice.".to_owned()
        }
        ProblemCode::LimitExceeded => {
            "the line has more than 64 fields, or one of more than 4 KiB. Check the delimiters and quotation marks.".to_owned()
        }
        _ => fault.what.clone(),
    }
}

fn cells(
    line: u64,
    fields: &[Field<'_>],
    columns: Option<&[UserColumn]>,
) -> Result<Vec<UserCell>, UserListFault> {
    let mut cells = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate().filter(|(_, field)| !field.as_str().is_empty()) {
        let column = match columns {
            Some(columns) => columns.get(index).copied().ok_or_else(|| {
                let what = "the header has no column here. Correct the delimiters, or put a field that holds one between quotation marks.";
                UserListFault::new(line, index as u64 + 1, ProblemCode::ColumnExtra, what)
            })?,
            None => PLAIN.get(index).copied().unwrap_or_else(|| {
                let behind = index - PLAIN.len();
                if behind.is_multiple_of(2) {
                    UserColumn::Resource(behind / 2)
                } else {
                    UserColumn::Serial(behind / 2)
                }
            }),
        };
        cells.push(UserCell { column, at: index as u64 + 1, text: field.as_str().to_owned() });
    }
    Ok(cells)
}

/// The meaning of a header's name; pairs are numbered later.
fn meaning(name: &str) -> Option<UserColumn> {
    Some(match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "login" | "loginname" | "username" | "userid" => UserColumn::Login,
        "email" | "mail" | "emailaddress" | "mailaddress" => UserColumn::Email,
        "phone" | "phonenumber" | "telephone" | "mobile" => UserColumn::Phone,
        "firstname" | "givenname" => UserColumn::FirstName,
        "lastname" | "surname" | "familyname" => UserColumn::LastName,
        "resource" | "resourcename" => UserColumn::Resource(0),
        "token" | "serial" | "serialnumber" | "tokenserial" | "tokenserialnumber" => UserColumn::Serial(0),
        _ => return None,
    })
}

fn is_secret(name: &str) -> bool {
    let parts = ["password", "passwort", "passwd", "passphrase", "kennwort", "pwd", "secret", "seed"];
    parts.iter().any(|part| name.contains(part)) || matches!(name, "pass" | "pin" | "hash")
}

/// Two names of columns, or that of the login beside nothing that a line of a user would have.
fn is_header(fields: &[Field<'_>]) -> bool {
    let names: Vec<String> = fields.iter().map(|field| plain_name(field.as_str())).collect();
    let known = names.iter().filter(|name| meaning(name).is_some() || is_secret(name)).count();
    let login = names.iter().any(|name| meaning(name) == Some(UserColumn::Login));
    known >= 2 || (login && !names.iter().any(|name| name.contains('@')))
}

fn header(line: u64, fields: &[Field<'_>]) -> Result<Vec<UserColumn>, UserListFault> {
    let refused =
        |index: usize, code, what: String| Err(UserListFault::new(line, index as u64 + 1, code, what));
    let names: Vec<String> = fields.iter().map(|field| plain_name(field.as_str())).collect();
    let mut columns = Vec::with_capacity(names.len());
    let mut resources: Vec<(usize, &str)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if is_secret(name) {
            let what = "this column looks like a password. Passwords do not come from files: delete the column; the users create theirs in the portal, or an admin sets one.";
            return Err(UserListFault {
                position: Position::new(line, index as u64 + 1),
                code: "password_column",
                what: what.to_owned(),
            });
        }
        let Some(column) = meaning(name) else {
            let what = "this column is not known. Delete it, or name it login, e-mail, phone, first name, last name, resource or token.";
            return refused(index, ProblemCode::ColumnExtra, what.to_owned());
        };
        match column {
            UserColumn::Resource(_) => {
                columns.push(UserColumn::Resource(resources.len()));
                resources.push((index, number_of(name)));
            }
            UserColumn::Serial(_) => columns.push(column),
            other if columns.contains(&other) => {
                let what = "this column is there twice. Delete one of the two.";
                return refused(index, ProblemCode::ColumnExtra, what.to_owned());
            }
            other => columns.push(other),
        }
    }
    let mut taken = vec![false; resources.len()];
    for (index, name) in names.iter().enumerate() {
        if !matches!(columns[index], UserColumn::Serial(_)) {
            continue;
        }
        let number = number_of(name);
        let free = |pair: &usize| !taken[*pair];
        let numbered =
            (0..resources.len()).filter(free).find(|p| !number.is_empty() && resources[*p].1 == number);
        let before = || (0..resources.len()).rev().filter(free).find(|p| resources[*p].0 < index);
        let only = || (resources.len() == 1).then_some(0).filter(free);
        let Some(pair) = numbered.or_else(before).or_else(only) else {
            let what = "this column of serial numbers has no column of resources before it. Name one resource column for each token column.";
            return refused(index, ProblemCode::ColumnMissing, what.to_owned());
        };
        taken[pair] = true;
        columns[index] = UserColumn::Serial(pair);
    }
    if !columns.contains(&UserColumn::Login) {
        let what = "the header has no column login. Name the column with what the users sign in with.";
        return Err(UserListFault::new(line, 0, ProblemCode::ColumnMissing, what));
    }
    Ok(columns)
}

/// The digits that a name ends with.
fn number_of(name: &str) -> &str {
    &name[name.trim_end_matches(|c: char| c.is_ascii_digit()).len()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let list = read_user_list(text.as_bytes(), 100).expect("a list");
        let cell = |cell: &UserCell| format!("{:?}={}", cell.column, cell.text);
        let line = |line: &UserLine| match &line.cells {
            Ok(cells) => cells.iter().map(cell).collect::<Vec<_>>().join(" "),
            Err(fault) => format!("{}:{} {}", fault.position.line, fault.position.column, fault.code),
        };
        list.lines.iter().map(line).collect()
    }

    fn refused(text: &str) -> (u64, u64, &'static str) {
        let fault = read_user_list(text.as_bytes(), 2).expect_err("refused");
        (fault.position.line, fault.position.column, fault.code)
    }

    #[test]
    fn p12_columns_by_place_and_by_name() {
        assert_eq!(
            told("anna,a@b.org,,,,VPN,87-1,Mail\n# a remark\n,,\n"),
            ["Login=anna Email=a@b.org Resource(0)=VPN Serial(0)=87-1 Resource(1)=Mail"]
        );
        assert_eq!(
            told("\u{feff}Last Name;resource;E-Mail;LOGIN;token\nBerg;VPN;;anna;87-1"),
            ["LastName=Berg Resource(0)=VPN Login=anna Serial(0)=87-1"]
        );
        assert_eq!(
            told("login,token 2,resource 1,resource 2,token 1\na,T2,R1,R2,T1"),
            ["Login=a Serial(1)=T2 Resource(0)=R1 Resource(1)=R2 Serial(0)=T1"]
        );
        assert_eq!(told("login,first name\na,\"Berg, \"\"Anna\"\"\""), ["Login=a FirstName=Berg, \"Anna\""]);
        assert_eq!(told("login\nanna"), ["Login=anna"]);
        assert_eq!(told("anna\nbert"), ["Login=anna", "Login=bert"]);
    }

    #[test]
    fn p12_lines_and_files_that_cannot_be_read() {
        assert_eq!(
            told("a,b@c.org\n\"d,e\nf;g\na,b,c\n"),
            ["Login=a Email=b@c.org", "2:1 quote_unclosed", "3:0 delimiter_mixed", "Login=a Email=b Phone=c"]
        );
        assert_eq!(told("login,email\na,b,c"), ["2:3 column_extra"]);
        assert_eq!(refused(""), (0, 0, "empty_file"));
        assert_eq!(refused("login,email\n\n"), (0, 0, "empty_file"));
        assert_eq!(refused("login,password\na,b"), (1, 2, "password_column"));
        assert_eq!(refused("login,Initial PWD\na,b"), (1, 2, "password_column"));
        assert_eq!(refused("login,room\na,b"), (1, 2, "column_extra"));
        assert_eq!(refused("login,mail,e-mail\na,b"), (1, 3, "column_extra"));
        assert_eq!(refused("email,phone\na,b"), (1, 0, "column_missing"));
        assert_eq!(refused("login,email,token\na,b"), (1, 3, "column_missing"));
        assert_eq!(refused("a\nb\nc\n"), (3, 0, "limit_exceeded"));
        assert_eq!(refused("a,b\0c\n"), (1, 0, "binary_file"));
    }
}
