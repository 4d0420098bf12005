//! Who rproxy is once it has what only root may have: a user without any rights but its own.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, configure_capability_in_ambient_set,
    set_capabilities, set_keep_capabilities, set_no_new_privs,
};

/// A user and its groups, as the system has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As it is written: a name or a number.
    pub user: String,
    /// As it is written; `None` is the user's own.
    pub group: Option<String>,
    pub user_id: u32,
    pub group_id: u32,
    /// Those beside it.
    pub groups: Vec<u32>,
    /// `None` for a number without a name.
    pub login: Option<String>,
    pub home: Option<PathBuf>,
}

/// Why there is no such account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    User,
    Group,
    /// A user that is a number without a name has no group of its own.
    GroupOfUser,
}

impl Account {
    /// Looks up a user, and its group unless another is named.
    ///
    /// # Errors
    /// When the system does not know one of them.
    pub fn find(user: &str, group: Option<&str>) -> Result<Self, Unknown> {
        let known = find_user(user);
        let user_id = known.as_ref().map(|known| known.uid.as_raw()).or_else(|| user.parse().ok());
        let user_id = user_id.ok_or(Unknown::User)?;
        let group_id = match group {
            Some(group) => group_id(group).ok_or(Unknown::Group)?,
            None => known.as_ref().map(|known| known.gid.as_raw()).ok_or(Unknown::GroupOfUser)?,
        };
        let name = known.as_ref().and_then(|known| std::ffi::CString::new(known.name.as_str()).ok());
        let groups = name.and_then(|name| getgrouplist(&name, Gid::from_raw(group_id)).ok());
        let groups = groups.map_or_else(|| vec![group_id], |all| all.into_iter().map(Gid::as_raw).collect());
        let (login, home) = known.map(|known| (known.name, known.dir)).unzip();
        let (user, group) = (user.to_owned(), group.map(str::to_owned));
        Ok(Self { user, group, user_id, group_id, groups, login, home })
    }

    /// Whether the process is this user already, as after a start by systemd with `User=`.
    pub fn is_present(&self) -> bool {
        Uid::effective().as_raw() == self.user_id
    }

    /// Whether the process may become it.
    pub fn can_be_taken_on() -> bool {
        Uid::effective().is_root()
    }

    /// Becomes it for good, with all threads that are started from now on: the calling one must be the only one.
    /// Nothing that is executed gets more rights again. The right to bind ports below 1024 is kept if asked for,
    /// also by a new binary that takes over.
    ///
    /// # Errors
    /// What the kernel refuses; then the process must not go on.
    pub fn take_on(&self, keep_low_ports: bool) -> io::Result<()> {
        set_keep_capabilities(keep_low_ports)?;
        setgroups(&self.groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>())?;
        setgid(Gid::from_raw(self.group_id))?;
        setuid(Uid::from_raw(self.user_id))?;
        let kept = if keep_low_ports { CapabilitySet::NET_BIND_SERVICE } else { CapabilitySet::empty() };
        set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: kept })?;
        set_keep_capabilities(false)?;
        clear_ambient_capability_set()?;
        if keep_low_ports {
            configure_capability_in_ambient_set(CapabilitySet::NET_BIND_SERVICE, true)?;
        }
        set_no_new_privs(true)?;
        if self.user_id != 0 && setuid(Uid::from_raw(0)).is_ok() {
            return Err(io::Error::other("root's rights came back"));
        }
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} ({}), group {}", self.user, self.user_id, self.group_id)
    }
}

/// The id of a user by its name or number.
pub fn user_id(user: &str) -> Option<u32> {
    find_user(user).map(|known| known.uid.as_raw()).or_else(|| user.parse().ok())
}

/// The id of a group by its name or number.
pub fn group_id(group: &str) -> Option<u32> {
    let known = Group::from_name(group).ok().flatten();
    known.map(|known| known.gid.as_raw()).or_else(|| group.parse().ok())
}

fn find_user(user: &str) -> Option<User> {
    let by_name = || User::from_name(user).ok().flatten();
    let by_number = || User::from_uid(Uid::from_raw(user.parse().ok()?)).ok().flatten();
    by_name().or_else(by_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_name_and_by_number() {
        let by_name = Account::find("nobody", None).unwrap();
        assert_eq!(Account::find(&by_name.user_id.to_string(), None).unwrap().group_id, by_name.group_id);
        let of_root = Account::find("nobody", Some("0")).unwrap();
        assert_eq!((of_root.user_id, of_root.group_id), (by_name.user_id, 0));
        assert!(by_name.groups.contains(&by_name.group_id));
    }

    #[test]
    fn a_number_may_have_no_name() {
        let account = Account::find("3999999999", Some("3999999998")).unwrap();
        assert_eq!((account.user_id, account.group_id), (3_999_999_999, 3_999_999_998));
        assert_eq!(account.groups, [3_999_999_998]);
        assert_eq!(Account::find("3999999999", None), Err(Unknown::GroupOfUser));
    }

    #[test]
    fn who_is_not_known_is_told_apart() {
        assert_eq!(Account::find("no such user", None), Err(Unknown::User));
        assert_eq!(Account::find("nobody", Some("no such group")), Err(Unknown::Group));
    }
}
