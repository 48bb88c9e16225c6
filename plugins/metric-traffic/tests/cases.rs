//! The cases of this folder, and its words.

#[cfg(test)]
#[path = "../../metric-kit/testing/case.rs"]
mod case;

#[test]
fn cases_give_what_is_expected() {
    case::run_all::<metric_traffic::Traffic>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn both_languages_have_words_for_everything() {
    case::check_strings(env!("CARGO_MANIFEST_DIR"));
}
