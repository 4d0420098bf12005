//! `user` and `group` of `[server]` and of pools.

use crate::config::node::At;
use crate::config::report::{Problem, Report};
use crate::privileges::{Account, Unknown};

pub fn account(
    user: Option<&At<String>>,
    group: Option<&At<String>>,
    report: &mut Report,
) -> Option<Account> {
    let Some(user) = user else {
        if let Some(group) = group {
            let problem = Problem::error(group.key, "`group` is nothing without `user`");
            report.push(problem.help("name the user as well: `user = \"www-data\"`"));
        }
        return None;
    };
    let problem = match (Account::find(&user.value, group.map(|at| at.value.as_str())), group) {
        (Ok(account), _) => return Some(account),
        (Err(Unknown::Group), Some(group)) => {
            Problem::error(group.spot, format!("this machine knows no group `{}`", group.value))
                .help("write one of `getent group`, or a number")
        }
        (Err(Unknown::User | Unknown::Group), _) => {
            Problem::error(user.spot, format!("this machine knows no user `{}`", user.value))
                .help("write one of `getent passwd`, or a number, or create it (`useradd --system`)")
        }
        (Err(Unknown::GroupOfUser), _) => {
            Problem::error(user.spot, format!("the user {} has no name, and so no group", user.value))
                .help("name its group as well: `group = \"www-data\"`")
        }
    };
    report.push(problem);
    None
}
