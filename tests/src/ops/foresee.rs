//! A mail server that would take nothing is found before 08:00, by `serve` and by `check --mail`.

use super::secrets::{PASSWORD, indiscreet_server, with_server};
use super::{Serving, shop};
use crate::trial;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// All of them.
pub(super) fn trials() -> Vec<Trial> {
    vec![trial(
        "ops::a_refused_login_is_told_before_the_mail_is_due",
        refused_early,
    )]
}

fn refused_early() -> Result<(), Failed> {
    let project = shop().env(PASSWORD.0, PASSWORD.1);
    with_server(&project, indiscreet_server());
    let check = project.run(&["check", "--mail"]).exits(2);
    let check = check.says(&["mail cannot leave", "5.7.8", "check server, login"]);
    drop(check);
    let told = || {
        let told = project.run(&["notices", "--json"]).exits(0).json();
        let told = told.as_array().cloned().unwrap_or_default();
        let about_mail = |one: &Value| one["kind"] == "mail-broken";
        let found = told.into_iter().find(about_mail);
        found.inspect(|one| assert!(!one.to_string().contains(PASSWORD.1), "{one}"))
    };
    let _serving = Serving::start(&project, "06:45:00", &[]);
    let notice = super::until("the owner's notice", told);
    let first = notice["first"].as_str().unwrap_or_default();
    assert!(first < "2026-11-22T00:00:00Z", "{notice}");
    Ok(())
}
