//! What metrics are tried with beside their cases.

use super::calls::{Called, Sets};
use super::rows::{STOP, Then, one_by_one, sliced, strange, with_dictionaries};
use super::surroundings::Surroundings;
use super::{Found, Probe, Test};
use crate::plugin::conformance;
use arrow::array::RecordBatch;
use chenbao_model::Digest;
use chenbao_model::result::{Item, ResultDoc};
use chenbao_plugin::ErrorCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

macro_rules! test {
    ($name:literal, $run:ident, $what:literal) => {
        Test {
            name: $name,
            what: $what,
            run: $run,
        }
    };
}

pub(super) const TESTS: &[Test] = &[
    test!(
        "unknown-component",
        unknown_component,
        "an id with something behind it is refused as not found"
    ),
    test!(
        "bad-params",
        bad_params,
        "params that are no object, or of wrong types, are refused, never a crash"
    ),
    test!(
        "no-rows",
        no_rows,
        "no batches, and batches without rows, have an answer or an error with a sentence"
    ),
    test!(
        "nulls",
        nulls,
        "rows of nulls have an answer or an error with a sentence"
    ),
    test!(
        "ends-of-types",
        ends,
        "least and greatest numbers, not-a-number, empty and long texts never crash it"
    ),
    test!(
        "sliced",
        slices,
        "rows in the middle of longer arrays give the same answer"
    ),
    test!(
        "dictionaries",
        dictionaries,
        "texts as dictionaries give the same answer, or an error with a sentence"
    ),
    test!(
        "row-by-row",
        split,
        "the same rows in batches of one give the same answer, byte for byte"
    ),
    test!(
        "same-twice",
        twice,
        "the same call gives the same answer, byte for byte"
    ),
    test!(
        "other-machine",
        digest,
        "the same answer in another zone and language of the machine"
    ),
    test!(
        "broken-input",
        broken,
        "a stream that fails is an error of the call"
    ),
    test!("stops", stops, "a call ends soon when the host asks for it"),
    test!(
        "parallel",
        parallel,
        "two calls at the same time give the same answer"
    ),
    test!(
        "leaves-alone",
        leaves_alone,
        "signals, folder, environment, files and threads are as before"
    ),
];

impl Probe {
    fn sets(
        &self,
        bend: impl Fn(&RecordBatch) -> Result<Vec<RecordBatch>, String>,
    ) -> Result<Sets, String> {
        let mut sets = Vec::new();
        for (name, batches) in &self.inputs {
            let mut bent = Vec::new();
            for batch in batches {
                bent.extend(bend(batch)?);
            }
            sets.push((name.clone(), bent));
        }
        Ok(sets)
    }

    fn with(&self, sets: Sets, then: Then) -> Called {
        let params = self.request.params.to_string();
        self.compute(&self.request.component, &params, sets, then)
    }

    fn plain(&self) -> Result<Vec<u8>, String> {
        self.with(self.sets(|batch| Ok(vec![batch.clone()]))?, Then::End)
            .good()
    }

    /// What an answer to strange rows must be: good, or an error with a sentence.
    fn survives(&self, sets: Sets) -> Result<String, String> {
        let called = self.with(sets, Then::End);
        called.clean()?;
        match called.answer {
            Err((code, why)) => Ok(format!("{}: {why}", code.name())),
            Ok(json) => {
                let mut doc: ResultDoc = serde_json::from_slice(&json)
                    .map_err(|e| format!("its answer does not read as the contract says: {e}"))?;
                // Rows that travel beside the document are read where a case goes through the host.
                for item in &mut doc.items {
                    if let Item::Table(table) = item {
                        table.arrow = None;
                    }
                }
                let found =
                    conformance::breaches(&doc, &self.descriptor, self.request.outputs.as_ref());
                if found.is_empty() {
                    Ok(String::new())
                } else {
                    Err(found.join("; "))
                }
            }
        }
    }

    fn same(&self, sets: Sets) -> Result<Found, String> {
        let expected = self.plain()?;
        let got = self.with(sets, Then::End).good()?;
        Ok(alike(&expected, &got))
    }
}

fn alike(expected: &[u8], got: &[u8]) -> Found {
    if expected == got {
        return Found::Ok(String::new());
    }
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let part = bytes.get(at.saturating_sub(60)..(at + 60).min(bytes.len()));
        String::from_utf8_lossy(part.unwrap_or_default()).into_owned()
    };
    Found::Failed(format!(
        "the answers differ: `{}` and `{}`",
        around(expected),
        around(got)
    ))
}

/// Says that there is nothing to try a test with.
fn no_case() -> Found {
    Found::Skipped("no case gives it rows".to_owned())
}

macro_rules! with_rows {
    ($probe:ident) => {
        if $probe.inputs.is_empty() {
            return Ok(no_case());
        }
    };
}

fn unknown_component(probe: &Probe) -> Result<Found, String> {
    let id = format!("{}x", probe.request.component);
    let sets = probe.sets(|batch| Ok(vec![batch.clone()]))?;
    let called = probe.compute(&id, &probe.request.params.to_string(), sets, Then::End);
    called.clean()?;
    Ok(match called.answer {
        Err((ErrorCode::NotFound, why)) => Found::Ok(why),
        Err((code, why)) => Found::Warning(format!(
            "refused as {}, not as not_found: {why}",
            code.name()
        )),
        Ok(_) => Found::Failed(format!("it computes `{id}`, which it does not have")),
    })
}

fn bad_params(probe: &Probe) -> Result<Found, String> {
    let mut draw = fastrand::Rng::with_seed(probe.request.seed);
    let mut texts: Vec<String> = ["", "null", "[]", "7", "\"x\"", "{", "{\"a\":", "\u{0}"]
        .map(String::from)
        .into();
    for (name, value) in probe.request.params.as_object().into_iter().flatten() {
        let mut wrong = probe.request.params.clone();
        wrong[name] = if value.is_object() {
            "x".into()
        } else {
            serde_json::json!({ "of": [value] })
        };
        texts.push(wrong.to_string());
    }
    texts.extend((0..20).map(|_| noise(&mut draw)));
    let declared = !probe.descriptor.options.is_empty();
    let mut taken = Vec::new();
    for text in texts {
        let sets = probe.sets(|batch| Ok(vec![batch.clone()]))?;
        let called = probe.compute(&probe.request.component, &text, sets, Then::End);
        called
            .clean()
            .map_err(|why| format!("with the params `{text}`: {why}"))?;
        match called.answer {
            Ok(_) if declared => taken.push(text),
            Err((code, why)) if code != ErrorCode::InvalidConfig && declared => {
                return Ok(Found::Warning(format!(
                    "`{text}` is refused as {}, not as invalid_config: {why}",
                    code.name()
                )));
            }
            _ => {}
        }
    }
    Ok(if taken.is_empty() {
        Found::Ok(String::new())
    } else {
        Found::Failed(format!(
            "it computes with the params {}",
            taken.join(" and ")
        ))
    })
}

fn noise(draw: &mut fastrand::Rng) -> String {
    let alphabet: Vec<char> = "{}[]\",:0123456789.e-truefalsn\\u晨 ".chars().collect();
    let length = draw.usize(1..40);
    (0..length).filter_map(|_| draw.choice(&alphabet)).collect()
}

fn no_rows(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    let without =
        probe.survives(probe.sets(|batch| Ok(vec![RecordBatch::new_empty(batch.schema())]))?)?;
    let none = probe
        .inputs
        .iter()
        .map(|(name, _)| (name.clone(), Vec::new()));
    probe.survives(none.collect())?;
    Ok(Found::Ok(without))
}

fn nulls(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    probe
        .survives(probe.sets(|batch| Ok(vec![strange(&batch.schema(), true)?]))?)
        .map(Found::Ok)
}

fn ends(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    probe
        .survives(probe.sets(|batch| Ok(vec![strange(&batch.schema(), false)?]))?)
        .map(Found::Ok)
}

fn slices(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    probe.same(probe.sets(|batch| Ok(vec![sliced(batch)?]))?)
}

fn dictionaries(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    let expected = probe.plain()?;
    let called = probe.with(
        probe.sets(|batch| Ok(vec![with_dictionaries(batch)?]))?,
        Then::End,
    );
    called.clean()?;
    Ok(match called.answer {
        Ok(got) => alike(&expected, &got),
        Err((code, why)) => Found::Warning(format!(
            "it does not read dictionaries ({}): {why}",
            code.name()
        )),
    })
}

fn split(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    probe.same(probe.sets(|batch| {
        let mut all = vec![RecordBatch::new_empty(batch.schema())];
        all.extend(one_by_one(batch));
        Ok(all)
    })?)
}

fn twice(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    probe.same(probe.sets(|batch| Ok(vec![batch.clone()]))?)
}

/// The digest of the answer; the parent compares it over two processes.
fn digest(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    Ok(Found::Ok(Digest::of(probe.plain()?).to_string()))
}

fn broken(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    let called = probe.with(probe.sets(|batch| Ok(vec![batch.clone()]))?, Then::Fail);
    called.clean()?;
    Ok(match called.answer {
        Err((_, why)) => Found::Ok(why),
        Ok(_) => Found::Failed(
            "it answers although its rows broke off: the rest was never looked at".to_owned(),
        ),
    })
}

fn stops(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    let endless = |batch: &RecordBatch| Ok(vec![batch.clone()]);
    let called = probe.with(probe.sets(endless)?, Then::Again);
    STOP.store(false, Ordering::SeqCst);
    called.clean()?;
    Ok(match called.answer {
        Ok(_) => Found::Failed(
            "it answers although it was asked to stop and its rows broke off".to_owned(),
        ),
        Err(_) if called.took > Duration::from_secs(5) => {
            Found::Failed(format!("it took {} s to stop", called.took.as_secs()))
        }
        Err((ErrorCode::Cancelled, _)) => Found::Ok(String::new()),
        // The host's streams end with an error when it wants to stop, so this comes in time too.
        Err((_, why)) => Found::Ok(format!("by its broken rows: {why}")),
    })
}

fn parallel(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    let expected = probe.plain()?;
    let params = probe.request.params.to_string();
    let mut answers = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let sets = probe.sets(|batch| Ok(vec![batch.clone()]));
                    sets.map(|sets| {
                        probe
                            .compute(&probe.request.component, &params, sets, Then::End)
                            .answer
                    })
                })
            })
            .collect();
        answers = threads
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
    });
    for answer in answers {
        let answer = answer.map_err(|_| "a call came back by unwinding".to_owned())??;
        let got = answer.map_err(|(code, why)| format!("{}: {why}", code.name()))?;
        if got != expected {
            return Ok(alike(&expected, &got));
        }
    }
    Ok(Found::Ok(String::new()))
}

fn leaves_alone(probe: &Probe) -> Result<Found, String> {
    with_rows!(probe);
    // What a first call sets up for good (a table of zones, say) is not a leak.
    probe.plain()?;
    let before = Surroundings::now();
    for _ in 0..3 {
        probe.plain()?;
    }
    let changed = Surroundings::now().changed(&before);
    Ok(if changed.is_empty() {
        Found::Ok(String::new())
    } else {
        Found::Failed(format!("a call changes {}", changed.join(", ")))
    })
}
