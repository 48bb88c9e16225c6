//! An export's header against the contract: what is missing stops the load, with a diff.

use crate::mapping::{Contract, Mapping, normal_header};
use crate::personal::looks_personal;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use std::collections::BTreeSet;

/// Columns that sources add themselves.
fn own(column: &str) -> bool {
    column == crate::columns::EXPORT || column == crate::columns::ROW
}

/// Compares an export's columns with the contract, by name, never by position.
///
/// Returns notes: columns that nobody declared (kept raw, or dropped where they name a person), optional ones that are
/// absent (null in the select).
///
/// # Errors
/// A required column is absent under all of its names: one problem that lists the difference and the nearest names.
pub fn check_contract(
    mapping: &Mapping,
    export_name: &str,
    columns: &[String],
) -> Result<Vec<Diagnostic>, Problems> {
    let given: BTreeSet<String> = columns.iter().map(|column| normal_header(column)).collect();
    let present = |column: &Contract| {
        column
            .headers()
            .any(|header| given.contains(&normal_header(header)))
    };
    let declared: BTreeSet<String> = mapping
        .columns
        .iter()
        .flat_map(Contract::headers)
        .map(normal_header)
        .collect();
    let unknown: Vec<&str> = columns
        .iter()
        .map(String::as_str)
        .filter(|column| !own(column) && !declared.contains(&normal_header(column)))
        .collect();
    let missing: Vec<&Contract> = mapping
        .columns
        .iter()
        .filter(|column| column.required && !present(column))
        .collect();
    if !missing.is_empty() {
        return Err(drift(mapping, export_name, &missing, &unknown).into());
    }
    let mut notes: Vec<Diagnostic> = Vec::new();
    let (personal, kept): (Vec<&str>, Vec<&str>) = unknown
        .into_iter()
        .partition(|column| looks_personal(column));
    let absent: Vec<&str> = mapping
        .columns
        .iter()
        .filter(|column| !present(column))
        .map(|column| column.header.as_str())
        .collect();
    for (names, what) in [
        (
            kept,
            "columns that the contract does not know; they stay in the raw table",
        ),
        (
            personal,
            "columns that the contract does not know and that name a person; they are not stored",
        ),
        (absent, "optional columns that are absent; they are null"),
    ] {
        if !names.is_empty() {
            notes
                .push(Diagnostic::note(format!("{what}: {}", quoted(&names))).in_file(export_name));
        }
    }
    Ok(notes)
}

fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A diff: `-` what the contract wants, `+` what came instead and nobody knows.
fn drift(mapping: &Mapping, export: &str, missing: &[&Contract], unknown: &[&str]) -> Diagnostic {
    let mut message = format!(
        "the header does not fit the mapping `{}` ({}): {} required column{} missing; nothing was loaded",
        mapping.name,
        mapping.title,
        missing.len(),
        if missing.len() == 1 { " is" } else { "s are" },
    );
    let mut hints = Vec::new();
    for column in missing {
        message.push_str(&format!("\n  - {}", column.header));
        if !column.aliases.is_empty() {
            message.push_str(&format!("  (or {})", column.aliases.join(", ")));
        }
        if let Some(near) = column
            .headers()
            .find_map(|header| nearest(header, unknown.iter().copied()))
        {
            message.push_str(&format!("  nearest: {near}"));
            hints.push(format!("`{near}` to the aliases of `{}`", column.header));
        }
    }
    for column in unknown {
        message.push_str(&format!("\n  + {column}"));
    }
    let hint = if hints.is_empty() {
        "is this the export that the mapping is for? If the platform changed it, change the mapping's columns".to_owned()
    } else {
        format!(
            "if it is the same column under a new name, add {}",
            hints.join(", ")
        )
    };
    Diagnostic::error(message).in_file(export).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> Mapping {
        let text = "title = '订单'\nraw = 'rows'\n[columns.'订单编号']\nas = 'order_id'\naliases = ['主订单编号']\nrequired = true\n[columns.'金额(元)']\nas = 'amount'\nrequired = true\n[columns.'备注']\nas = 'note'\n[tables.orders]\nselect = 'select order_id from raw'\n";
        Mapping::from_toml("orders", text).unwrap()
    }

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn aliases_brackets_and_blanks_do_not_matter() {
        let notes = check_contract(
            &mapping(),
            "a.csv",
            &columns(&["主订单编号 ", "金额（元）", "_export", "_row"]),
        )
        .unwrap();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].message.contains("`备注`"), "{}", notes[0]);
    }

    #[test]
    fn drift_is_shown_as_a_diff_with_the_nearest_name() {
        let Problems(problems) = check_contract(
            &mapping(),
            "a.csv",
            &columns(&["订单号", "收件人", "金额(元)"]),
        )
        .unwrap_err();
        let text = problems[0].to_string();
        assert!(
            text.contains("- 订单编号  (or 主订单编号)  nearest: 订单号"),
            "{text}"
        );
        assert!(text.contains("+ 收件人"), "{text}");
        assert!(
            text.contains("add `订单号` to the aliases of `订单编号`"),
            "{text}"
        );
    }

    #[test]
    fn undeclared_columns_are_noted_and_people_are_not_stored() {
        let notes = check_contract(
            &mapping(),
            "a.csv",
            &columns(&["订单编号", "金额(元)", "备注", "颜色", "收件人手机号"]),
        )
        .unwrap();
        let text = notes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            text.contains("stay in the raw table: `颜色`")
                && text.contains("not stored: `收件人手机号`"),
            "{text}"
        );
    }
}
