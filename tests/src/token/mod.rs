//! `examples/source-token` against its API: killed at every request, it loses no page, doubles none and uses no token twice.

mod server;

use crate::project::{Project, bin_dir};
use crate::trial;
use libtest_mimic::{Failed, Trial};
use server::{Change, Dies, Server};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

/// All of them; the library is an example, which `cargo test --workspace` builds.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let missing = !bin_dir().join("libsource_token.so").exists();
    [
        trial("token::late_days_arrive_and_no_page_twice", late),
        trial("token::killed_before_a_request_it_goes_on", || {
            killed(Dies::Before)
        }),
        trial("token::killed_after_a_request_it_goes_on", || {
            killed(Dies::Unanswered)
        }),
        trial("token::a_long_wait_is_left_to_the_scheduler", rate_limited),
        trial(
            "token::a_token_in_the_environment_cannot_rotate",
            environment,
        ),
    ]
    .into_iter()
    .map(|trial| trial.with_ignored_flag(missing))
    .collect()
}

const CONFIG: &str = r#"
[project]
name = "小店"
zone = "Asia/Shanghai"
currency = "CNY"
owner = "owner@example.com"
[mail]
from = "chenbao@example.com"
transport = "folder"
folder = "outbox"
[shop.main]
name = "小店"
platform = "douyin"
[source.api]
plugin = "token"
shop = "main"
mapping = "token-orders"
[source.api.secrets]
token = "file:token.json"
[source.api.with]
url = "URL"
page_size = 3
pages_per_part = 2
wait_seconds = 2
"#;

fn project(server: &Server) -> Project {
    Project::empty()
        .file("chenbao.toml", CONFIG.replace("URL", &server.url))
        .file("token.json", server.authorise())
        .env("CHENBAO_NOW", "2026-11-22T07:30:00+08:00")
}

/// Twenty orders of the 20th and 21st; three of them change while they are read.
fn orders(server: &Server) {
    let mut world = server.world();
    for order in 0..20 {
        world.changes.push(Change {
            order,
            day: 20 + order % 2,
            fen: 1000 + u64::from(order),
        });
        if order % 8 == 7 {
            world.changes.push(Change {
                order: order - 5,
                day: 20 + (order - 5) % 2,
                fen: 1,
            });
        }
    }
}

/// Orders, amounts in yuan and days as the lake has them against the last change of each order.
fn agrees(project: &Project, server: &Server) {
    let mut last: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
    for change in &server.world().changes {
        last.insert(change.order, (change.fen, change.day));
    }
    let fen: u64 = last.values().map(|(fen, _)| fen).sum();
    let early = last.values().filter(|(_, day)| *day < 21).count();
    let query = "select count(*) as n, count(distinct order_id) as orders, sum(pay_amount) as paid, \
        sum(case when day < date '2026-11-21' then 1 else 0 end) as early from orders";
    let rows = project.run(&["sql", "--json", query]).exits(0).json();
    let row = &rows[0];
    let told = |name: &str| {
        let cell = &row[name];
        cell.as_str()
            .map_or_else(|| cell.to_string(), str::to_owned)
    };
    let number = |name: &str| told(name).parse::<f64>().unwrap_or(-1.0);
    assert_eq!(told("n"), last.len().to_string(), "{rows}");
    assert_eq!(told("orders"), last.len().to_string(), "{rows}");
    assert!(
        (number("paid") * 100.0 - fen as f64).abs() < 0.5,
        "{rows}, not {fen} fen"
    );
    assert!(
        (number("early") - early as f64).abs() < 0.5,
        "{rows}, not {early} before the 21st"
    );
}

fn used_once(server: &Server) {
    let uses = &server.world().uses;
    assert!(!uses.is_empty());
    for (token, uses) in uses {
        assert_eq!(*uses, 1, "{token} was used {uses} times");
    }
}

fn late() -> Result<(), Failed> {
    let server = Server::start();
    orders(&server);
    let project = project(&server);
    let _ = project.run(&["collect"]).exits(0);
    agrees(&project, &server);
    // Two days later an order of the 20th changes, and one of the 19th appears.
    for (order, day) in [(4, 20), (99, 19)] {
        server.world().changes.push(Change {
            order,
            day,
            fen: 77,
        });
    }
    server.world().requests = 0;
    let _ = project.run(&["collect"]).exits(0);
    agrees(&project, &server);
    // What was read before is not read again: one page, and what its bearer token needed.
    assert!(
        server.world().requests <= 4,
        "{} requests",
        server.world().requests
    );
    used_once(&server);
    // The token file is for its owner only, and no token stands anywhere else.
    let file = std::fs::metadata(project.path().join("token.json"))?;
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    for name in project.files("") {
        let bytes = std::fs::read(project.path().join(&name))?;
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            name == "token.json" || !text.contains("refresh-0000"),
            "{name}"
        );
    }
    Ok(())
}

/// For every request of an undisturbed collection: a project that dies there, and is collected until it is whole.
fn killed(how: Dies) -> Result<(), Failed> {
    let undisturbed = Server::start();
    orders(&undisturbed);
    let _ = project(&undisturbed).run(&["collect"]).exits(0);
    let requests = undisturbed.world().requests;
    assert!(requests > 10, "{requests} requests show little");
    for at in 1..=requests {
        let server = Server::start();
        orders(&server);
        let project = project(&server);
        server.world().death = Some((at, how));
        let child = project
            .command(&["collect"])
            .stderr(Stdio::null())
            .spawn()?;
        server.world().process = Some(child.id());
        let ended = child.wait_with_output()?;
        assert_eq!(ended.status.code(), None, "request {at} did not come");
        server.world().death = None;
        let again = project.run(&["collect"]);
        if again.code != Some(0) {
            // Only where a token was on its way and nobody can know whether it arrived.
            let _ = again.says(&["authorise Chenbao anew"]);
            project.write("token.json", server.authorise());
            let _ = project.run(&["collect"]).exits(0);
        }
        agrees(&project, &server);
        used_once(&server);
    }
    Ok(())
}

fn rate_limited() -> Result<(), Failed> {
    let server = Server::start();
    orders(&server);
    server.world().retry_after = 60;
    let project = project(&server);
    let said = project.run(&["collect"]);
    assert_ne!(said.code, Some(0));
    let _ = said.says(&["(rate_limited)", "429"]);
    server.world().retry_after = 1;
    let _ = project.run(&["collect"]).exits(0);
    agrees(&project, &server);
    Ok(())
}

fn environment() -> Result<(), Failed> {
    let server = Server::start();
    orders(&server);
    let project = project(&server);
    let token = server.authorise();
    let project = project
        .file(
            "chenbao.toml",
            CONFIG
                .replace("URL", &server.url)
                .replace("file:token.json", "env:TOKEN"),
        )
        .env("TOKEN", &token);
    let said = project.run(&["collect"]);
    assert_ne!(said.code, Some(0));
    let _ = said.says(&["cannot be replaced", "hint: put it into a file of its own"]);
    Ok(())
}
