//! What a process counts and times, and how all of it reads for Prometheus. No label ever holds a recipient.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Seconds, from a message on a fast line to a report of ten million lines.
const SECONDS: [f64; 12] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0,
];

type Labels = Vec<(&'static str, String)>;
type Times = Family<Labels, Histogram, InSeconds>;

/// Makes the histograms of a family.
#[derive(Debug, Clone)]
struct InSeconds;

impl MetricConstructor<Histogram> for InSeconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

/// Counts and times of this process since it began.
#[derive(Debug)]
pub struct Meter {
    runs: Times,
    sends: Times,
    attempts: Family<Labels, Counter>,
    collections: Family<Labels, Counter>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            runs: Family::new_with_constructor(InSeconds),
            sends: Family::new_with_constructor(InSeconds),
            attempts: Family::default(),
            collections: Family::default(),
        }
    }
}

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
}

/// A number that is read at the moment of asking.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its family, without `chenbao_` and without the unit.
    pub name: &'static str,
    /// What the family says, in one sentence without its full stop.
    pub help: &'static str,
    /// Unit of the family.
    pub unit: Unit,
    /// Labels: names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

impl Meter {
    /// A run has ended so, after so long.
    pub fn ran(&self, report: &str, state: &str, took: Duration) {
        let labels = vec![("report", report.to_owned()), ("state", state.to_owned())];
        self.runs.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An attempt to hand a message over has ended so, after so long.
    pub fn sent(&self, channel: &str, outcome: &str, took: Duration) {
        let channel = ("channel", channel.to_owned());
        let times = self.sends.get_or_create(&vec![channel.clone()]).clone();
        times.observe(took.as_secs_f64());
        let labels = vec![channel, ("outcome", outcome.to_owned())];
        self.attempts.get_or_create(&labels).inc();
    }

    /// A source was asked, and it ended so.
    pub fn collected(&self, source: &str, state: &str) {
        let labels = vec![("source", source.to_owned()), ("state", state.to_owned())];
        self.collections.get_or_create(&labels).inc();
    }

    /// Everything as OpenMetrics text: what was counted, and these samples beside it.
    #[must_use]
    pub fn exposition(&self, samples: &[Sample]) -> String {
        let mut registry = Registry::with_prefix("chenbao");
        let seconds = || prometheus_client::registry::Unit::Seconds;
        registry.register_with_unit(
            "run_duration",
            "Time that runs took, by report and how they ended",
            seconds(),
            self.runs.clone(),
        );
        registry.register_with_unit(
            "send_duration",
            "Time that attempts to hand a message over took",
            seconds(),
            self.sends.clone(),
        );
        registry.register(
            "attempts",
            "Attempts to hand a message over, by what became of them",
            self.attempts.clone(),
        );
        registry.register(
            "collections",
            "Times that a source was asked, by how it ended",
            self.collections.clone(),
        );
        for (name, (help, unit, gauges)) in families(samples) {
            match unit {
                Unit::Count => registry.register(name, help, gauges),
                Unit::Seconds => registry.register_with_unit(name, help, seconds(), gauges),
            }
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

fn families(samples: &[Sample]) -> BTreeMap<&'static str, (&'static str, Unit, Gauges)> {
    let mut families = BTreeMap::new();
    for sample in samples {
        let (_, _, gauges) = families
            .entry(sample.name)
            .or_insert_with(|| (sample.help, sample.unit, Gauges::default()));
        gauges.get_or_create(&sample.labels).set(sample.value);
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_and_what_is_read_stand_in_one_text() {
        let meter = Meter::default();
        meter.ran("daily", "done", Duration::from_secs(3));
        meter.sent("mail", "sent", Duration::from_millis(80));
        meter.sent("mail", "deferred", Duration::from_millis(20));
        meter.collected("orders", "failed");
        let queued = |value| Sample {
            name: "deliveries",
            help: "Deliveries",
            unit: Unit::Count,
            labels: vec![("state", "queued".to_owned())],
            value,
        };
        let text = meter.exposition(&[queued(3.0)]);
        for line in [
            "# TYPE chenbao_run_duration_seconds histogram",
            "chenbao_run_duration_seconds_bucket{le=\"5.0\",report=\"daily\",state=\"done\"} 1",
            "chenbao_send_duration_seconds_count{channel=\"mail\"} 2",
            "chenbao_attempts_total{channel=\"mail\",outcome=\"sent\"} 1",
            "chenbao_collections_total{source=\"orders\",state=\"failed\"} 1",
            "chenbao_deliveries{state=\"queued\"} 3.0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let later = meter.exposition(&[queued(0.0)]);
        assert!(
            later.contains("chenbao_deliveries{state=\"queued\"} 0.0"),
            "{later}"
        );
    }
}
