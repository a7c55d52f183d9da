//! Importing users: the file, the plan, done.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{Badge, Choice, Notice, Page, Pager};
use crate::words::Words;

/// A list of users as it may look.
pub const EXAMPLE: &str = "login,e-mail,phone,first name,last name,resource,token
a.berg,a.berg@example.org,+49 30 1234567,Anna,Berg,VPN,87-1234567
b.holm,b.holm@example.org,,Bert,Holm,VPN,
c.lund,c.lund@example.org,,\"Lund, Carla\",,,
";

/// A line that needs eyes.
#[derive(Debug, Clone)]
pub struct UserPlanLine {
    /// Line in the file, from 1.
    pub line: String,
    /// Column, from 1; may be empty.
    pub column: String,
    /// The login, if it could be read.
    pub login: String,
    /// Filled, conflict, rejected, already here.
    pub verdict: Badge,
    /// Why, and what to do.
    pub reason: String,
}

/// What a list would change.
#[derive(Debug, Clone)]
pub struct UserPlan {
    /// All of it in one sentence.
    pub sentence: String,
    /// New, filled, already here, conflicts, rejected.
    pub counts: Vec<Badge>,
    /// Only the lines that need eyes.
    pub lines: Vec<UserPlanLine>,
    /// Whether there are more.
    pub pager: Pager,
    /// The ways on, the best first: values `all`, `only_good`, `fill`.
    pub ways: Vec<Choice>,
    /// `fail` or `fill`.
    pub on_conflict: &'static str,
    /// The counts, for the commit to compare.
    pub seen: String,
    /// The file's text, sent again with the commit.
    pub list: String,
}

/// How far an import of users is.
#[derive(Debug, Clone)]
pub enum UserStage {
    /// A file is to be chosen.
    File,
    /// The plan waits for an answer; it is kept in the page only.
    Plan(UserPlan),
    /// What was done.
    Done(Notice),
}

/// Importing users, at whatever stage.
#[derive(Debug, Template)]
#[template(path = "console/user_import.html")]
pub struct UserImport {
    /// The frame.
    pub page: Page,
    /// The file's name; empty before there is one.
    pub file_name: String,
    /// Why it does not go on.
    pub problem: Option<Notice>,
    /// What to do when a login is here already.
    pub conflicts: Vec<Choice>,
    /// A file to copy.
    pub example: &'static str,
    /// How far it is.
    pub stage: UserStage,
}

impl UserImport {
    /// The choices for logins that are here already.
    pub fn conflicts(selected: &str) -> Vec<Choice> {
        let all = [("fail", "users-import-here-already.fail"), ("fill", "users-import-here-already.fill")];
        Choice::say(Words::ENGLISH, &all, selected)
    }

    #[cfg(test)]
    fn at(file_name: &str, stage: UserStage) -> Self {
        Self {
            page: Page::sample("Import users", "users"),
            file_name: file_name.into(),
            problem: None,
            conflicts: Self::conflicts("fail"),
            example: EXAMPLE,
            stage,
        }
    }

    /// A file that could not be read.
    #[cfg(test)]
    pub fn sample() -> Self {
        let text = "This is an Excel workbook. Save the list of users as CSV (UTF-8). Choose the file again. Nothing has been stored.";
        Self {
            problem: Some(Notice::new(Tone::Attention, "The file was not read.", text)),
            ..Self::at("", UserStage::File)
        }
    }

    /// A plan with a conflict.
    #[cfg(test)]
    pub fn sample_plan() -> Self {
        let line = |line: &str, column: &str, login: &str, verdict, reason: &str| UserPlanLine {
            line: line.into(),
            column: column.into(),
            login: login.into(),
            verdict,
            reason: reason.into(),
        };
        let plan = UserPlan {
            sentence: "212 new, 1 in conflict, 1 rejected.".into(),
            counts: vec![
                Badge::with_icon(Tone::Good, "plus", "212 new"),
                Badge::with_icon(Tone::Attention, "triangle-alert", "1 in conflict"),
                Badge::with_icon(Tone::Bad, "x", "1 rejected"),
            ],
            lines: vec![
                line(
                    "14",
                    "1",
                    "m.berg",
                    Badge::new(Tone::Attention, "Conflict"),
                    "Line 14, column 1: a user with this login exists, with another e-mail. Correct the line, or import with “fill”, which fills what is empty and overwrites nothing.",
                ),
                line(
                    "77",
                    "7",
                    "p.berg",
                    Badge::with_icon(Tone::Bad, "x", "Rejected"),
                    "Line 77, column 7: there is no token 87-1234999. Check its serial number, or import the token first.",
                ),
            ],
            pager: Pager { words: "2 lines".into(), ..Pager::default() },
            ways: Choice::list(
                &[("only_good", "Import the 212 good ones"), ("fill", "Plan again, filling what is empty")],
                "",
            ),
            on_conflict: "fail",
            seen: "212,0,0,1,1".into(),
            list: EXAMPLE.into(),
        };
        Self::at("users.csv", UserStage::Plan(plan))
    }

    /// The users are here.
    #[cfg(test)]
    pub fn sample_done() -> Self {
        let notice = Notice::new(Tone::Good, "212 users are here.", "3 others got what was empty.");
        Self::at("users.csv", UserStage::Done(notice))
    }
}
