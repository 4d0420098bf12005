//! The Django project of the tests: its database, and its forms.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::venv::{self, output};
use super::{Response, once, repository};

/// Migrated, with an administrator and collected static files: made once for each state of the project.
pub fn prepared() -> PathBuf {
    let project = repository("tests/apps/django_site");
    let settings = fs::read_to_string(project.join("project/settings.py")).unwrap();
    let requirements = fs::read_to_string(repository("tests/requirements.txt")).unwrap();
    once::directory("django", (settings, requirements), |dir| {
        for arguments in [
            vec!["migrate", "--verbosity=0"],
            vec!["createsuperuser", "--noinput", "--username=admin", "--email=admin@shop.example"],
            vec!["collectstatic", "--noinput", "--verbosity=0"],
        ] {
            let mut manage = Command::new(venv::python());
            manage.arg(project.join("manage.py")).args(arguments);
            manage.env("SITE_DATA", dir).env("DJANGO_SUPERUSER_PASSWORD", "open sesame");
            output(manage.env("PYTHONDONTWRITEBYTECODE", "1"));
        }
    })
}

/// `name=value` of every cookie that an answer sets.
pub fn cookies(response: &Response) -> String {
    let set = response.header_values("set-cookie");
    set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// The hidden field of a Django form.
pub fn form_token(response: &Response) -> String {
    let field = regex::Regex::new(r#"name="?csrfmiddlewaretoken"? value="([^"]+)""#).unwrap();
    field.captures(response.text()).expect("a form with a token")[1].to_owned()
}
