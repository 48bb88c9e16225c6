//! What the owner says about the database, and where it therefore is.

use chenbao_plugin::{Result, SourceCx, bad_config};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By the address.
    #[default]
    Auto,
    /// A file.
    Sqlite,
    /// PostgreSQL and what speaks its protocol.
    #[serde(alias = "postgresql")]
    Postgres,
    /// MariaDB and MySQL.
    #[serde(alias = "mariadb")]
    Mysql,
}

/// Options of the source; `source.toml` says what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "source.toml describes every option, and a test compares the two"
)]
pub struct Options {
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub tables: BTreeMap<String, String>,
    #[serde(default = "fifteen")]
    pub timeout_seconds: u64,
    /// The project's folder; the host says it.
    #[serde(default, rename = "_base")]
    pub base: PathBuf,
}

fn fifteen() -> u64 {
    15
}

/// Where the database is. No `Debug`: an address may hold a password.
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(String),
    Mysql(String),
}

impl Target {
    /// The password in the address, raw, so that it can be struck from messages.
    pub(crate) fn password(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) | Self::Mysql(url) => password(url),
        }
    }

    /// What people call it: kind and place, without user and password.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite file `{}`", path.display()),
            Self::Postgres(url) => format!("PostgreSQL at {}", host(url)),
            Self::Mysql(url) => format!("MySQL at {}", host(url)),
        }
    }
}

impl Options {
    /// What is wrong with the options, all at once.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.tables.is_empty() {
            problems.push("option `tables` is empty: give a query, for example `tables.products = \"select … from products\"`".to_owned());
        }
        if self.url.as_deref().and_then(password).is_some() {
            problems.push("option `url` holds a password: give the whole address as the secret `url` instead (`secrets = { url = \"env:…\" }`)".to_owned());
        }
        for (table, sql) in &self.tables {
            if let Err(why) = crate::query::bound(sql, None) {
                problems.push(format!("query of `{table}`: {why}"));
            }
        }
        problems
    }

    /// The database: option `url`, else the secret `url`.
    pub(crate) fn target(&self, cx: &SourceCx) -> Result<Target> {
        match &self.url {
            Some(url) => target(url, self.kind, &self.base),
            None => target(cx.secret("url")?.expose(), self.kind, &self.base),
        }
    }
}

fn target(url: &str, kind: Kind, base: &Path) -> Result<Target> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    let file = || Target::Sqlite(base.join(rest.trim_start_matches("//")));
    match (kind, scheme) {
        (Kind::Auto | Kind::Sqlite, "sqlite" | "file") => Ok(file()),
        (Kind::Auto | Kind::Sqlite, _) if !rest.starts_with("//") => {
            Ok(Target::Sqlite(base.join(url)))
        }
        (Kind::Auto | Kind::Postgres, "postgres" | "postgresql") => {
            Ok(Target::Postgres(url.to_owned()))
        }
        (Kind::Auto | Kind::Mysql, "mysql" | "mariadb") => {
            Ok(Target::Mysql(format!("mysql:{rest}")))
        }
        (Kind::Auto, _) => Err(bad_config(format!(
            "`{scheme}:` is no database known here; it is a file, `postgres:`, `mysql:` or `mariadb:`"
        ))),
        (kind, _) => Err(bad_config(
            format!("the address begins with `{scheme}:`, though option `kind` says {kind:?}")
                .to_lowercase(),
        )),
    }
}

fn authority(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    after.split(['/', '?']).next().unwrap_or_default()
}

fn host(url: &str) -> &str {
    authority(url).rsplit('@').next().unwrap_or_default()
}

fn password(url: &str) -> Option<&str> {
    let (_, after) = url.split_once("://")?;
    let (user, _) = after.rsplit_once('@')?;
    user.split_once(':')
        .map(|(_, password)| password)
        .filter(|password| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str, kind: Kind) -> Result<String> {
        target(url, kind, Path::new("/shop")).map(|target| target.name())
    }

    #[test]
    fn the_address_says_which_database() {
        for (url, name) in [
            ("erp.sqlite", "SQLite file `/shop/erp.sqlite`"),
            ("sqlite:data/erp.db", "SQLite file `/shop/data/erp.db`"),
            ("sqlite:///var/erp.db", "SQLite file `/var/erp.db`"),
            (
                "postgres://u:p@db:5432/erp?sslmode=require",
                "PostgreSQL at db:5432",
            ),
            ("postgresql://u:p%40@db/erp", "PostgreSQL at db"),
            ("mariadb://u:p@db:3307/erp", "MySQL at db:3307"),
            ("mysql://u@db", "MySQL at db"),
        ] {
            assert_eq!(at(url, Kind::Auto).unwrap(), name, "{url}");
        }
        assert!(
            at("oracle://db/x", Kind::Auto)
                .unwrap_err()
                .message
                .contains("`oracle:` is no database")
        );
        assert!(at("mysql://db/x", Kind::Postgres).is_err());
    }

    #[test]
    fn a_password_in_the_options_is_refused_and_not_repeated() {
        let options: Options =
            toml::from_str("url = \"postgres://u:geheim@db/erp\"\ntables.a = \"select 1\"")
                .unwrap();
        let problems = options.problems();
        assert_eq!(problems.len(), 1);
        assert!(!problems[0].contains("geheim"));
        assert_eq!(password("mysql://u:a:b@c@db/x"), Some("a:b@c"));
        assert_eq!(password("mysql://u@db/x"), None);
    }

    #[test]
    fn source_toml_names_every_option_and_its_default() {
        let written: toml::Table = include_str!("../source.toml").parse().unwrap();
        let described = written["options"].as_table().unwrap();
        let defaults = described
            .iter()
            .filter_map(|(name, option)| Some((name.clone(), option.get("default")?.clone())));
        let given: Options = toml::Table::from_iter(defaults).try_into().unwrap();
        assert_eq!(
            format!("{given:?}"),
            format!("{:?}", toml::from_str::<Options>("").unwrap())
        );
        assert_eq!(described.keys().collect::<Vec<_>>().len(), 4);
    }
}
