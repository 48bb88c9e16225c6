//! What is due after sleep, stepped clocks and doubled hours, under every misfire policy; and campaigns.

use super::{at, day, days, none, schedule, wall};
use crate::config::meant::{Campaign, Names, PeriodRule, Schedule, When};
use crate::policy::Misfire;
use crate::schedule::{Due, Edition, Fire, due, next_fires, period};
use chenbao_model::Id;
use jiff::civil::Time;
use std::collections::BTreeMap;

fn campaign(id: &str, starts: &str, ends: &str) -> Campaign {
    Campaign {
        id: id.parse().unwrap(),
        name: Names::one(id),
        kind: "d11".parse().unwrap(),
        starts: day(starts),
        ends: day(ends),
        phases: vec![],
        plan: None,
    }
}

/// Down from Monday 09:00 (the last that was served) to Friday 10:30.
fn down_for_days(misfire: Misfire) -> Due {
    let mut daily = schedule("0 9 * * *", "Asia/Shanghai");
    daily.misfire = misfire;
    due(
        &daily,
        &none(),
        at("2026-11-16T01:00:00Z"),
        at("2026-11-20T02:30:00Z"),
    )
}

#[test]
fn misfire_policies_after_four_days_of_sleep() {
    let counts = |misfire| {
        let due = down_for_days(misfire);
        (due.run.len(), due.missed.len())
    };
    assert_eq!(counts(Misfire::Skip), (0, 4));
    assert_eq!(counts(Misfire::Latest), (1, 3));
    assert_eq!(counts(Misfire::All(u32::MAX)), (4, 0));
    assert_eq!(counts(Misfire::All(2)), (2, 2));
    let two = down_for_days(Misfire::All(2));
    assert_eq!(days(&two.run), ["2026-11-19", "2026-11-20"]);
    assert_eq!(days(&two.missed), ["2026-11-17", "2026-11-18"]);
    assert_eq!(days(&down_for_days(Misfire::Latest).run), ["2026-11-20"]);
}

#[test]
fn latest_leaves_older_ones_out_when_a_newer_one_is_on_time() {
    // Awake again on Friday at 08:00, when Friday's 09:00 issue is being collected: Thursday's is old.
    let daily = schedule("0 9 * * *", "Asia/Shanghai");
    let due = due(
        &daily,
        &none(),
        at("2026-11-16T01:00:00Z"),
        at("2026-11-20T00:00:00Z"),
    );
    assert_eq!(
        (days(&due.run), due.missed.len()),
        (vec!["2026-11-20".to_owned()], 3)
    );
}

#[test]
fn a_look_within_ten_minutes_is_on_time_even_for_skip() {
    let mut daily = schedule("0 9 * * *", "Asia/Shanghai");
    daily.misfire = Misfire::Skip;
    let look = |now: &str| due(&daily, &none(), at("2026-11-19T01:00:00Z"), at(now));
    assert_eq!(days(&look("2026-11-20T01:10:00Z").run), ["2026-11-20"]);
    let late = look("2026-11-20T01:10:01Z");
    assert_eq!(
        (late.run.len(), days(&late.missed)),
        (0, vec!["2026-11-20".to_owned()])
    );
}

#[test]
fn work_begins_at_start_and_not_before() {
    let daily = schedule("0 8 * * *", "Asia/Shanghai");
    let since = at("2026-11-21T00:00:00Z");
    assert_eq!(
        due(&daily, &none(), since, at("2026-11-21T22:39:59Z")),
        Due::default()
    );
    assert_eq!(
        days(&due(&daily, &none(), since, at("2026-11-21T22:40:00Z")).run),
        ["2026-11-22"]
    );
}

#[test]
fn a_clock_stepped_back_makes_nothing_due_again_and_stepped_forward_misses_openly() {
    let daily = schedule("0 8 * * *", "Asia/Shanghai");
    let served = at("2026-11-22T00:00:00Z");
    // A day back, and two hours back.
    for now in [
        "2026-11-21T00:00:00Z",
        "2026-11-21T22:00:00Z",
        "2026-11-22T00:00:00Z",
    ] {
        assert_eq!(
            due(&daily, &none(), served, at(now)),
            Due::default(),
            "{now}"
        );
    }
    let hourly = schedule("0 * * * *", "Asia/Shanghai");
    let forward = due(&hourly, &none(), served, at("2026-11-25T00:30:00Z"));
    assert_eq!(
        (forward.run.len(), forward.run.len() + forward.missed.len()),
        (1, 73)
    );
}

#[test]
fn the_doubled_hour_is_caught_up_twice() {
    let mut hourly = schedule("0 * * * *", "America/New_York");
    hourly.misfire = Misfire::All(u32::MAX);
    let due = due(
        &hourly,
        &none(),
        at("2027-11-07T04:30:00Z"),
        at("2027-11-07T06:45:00Z"),
    );
    let walls: Vec<String> = due
        .run
        .iter()
        .map(|fire| wall(&hourly, fire.times.deliver))
        .collect();
    assert_eq!(
        walls[..2],
        [
            "2027-11-07 01:00-04:00".to_owned(),
            "2027-11-07 01:00-05:00".to_owned()
        ]
    );
}

/// A campaign report, and two campaigns that end on the same day.
fn reviews() -> (Schedule, BTreeMap<Id, Campaign>) {
    let mut review = schedule("0 8 * * *", "Asia/Shanghai");
    review.deliver = When::Campaign {
        at: Time::constant(8, 0, 0, 0),
        editions: vec![1, 7, 30],
    };
    review.period = PeriodRule::Campaign;
    let campaigns = [
        ("d11", "2026-10-31", "2026-11-11"),
        ("other", "2026-11-05", "2026-11-11"),
    ];
    (
        review,
        campaigns
            .map(|(id, starts, ends)| (id.parse().unwrap(), campaign(id, starts, ends)))
            .into(),
    )
}

#[test]
fn campaign_editions_are_due_so_many_days_after_the_last_day() {
    let (review, campaigns) = reviews();
    let fires = next_fires(&review, &campaigns, at("2026-11-01T00:00:00Z"), 10);
    let told = |fire: &Fire| {
        format!(
            "{} {} {}",
            fire.subject.as_ref().unwrap(),
            fire.edition,
            fire.day
        )
    };
    let expected = [
        "d11 D+1 2026-11-12",
        "other D+1 2026-11-12",
        "d11 D+7 2026-11-18",
        "other D+7 2026-11-18",
        "d11 D+30 2026-12-11",
        "other D+30 2026-12-11",
    ];
    assert_eq!(fires.iter().map(told).collect::<Vec<_>>(), expected);
    let whole = period(
        PeriodRule::Campaign,
        fires[0].day,
        None,
        campaigns.get("d11"),
    )
    .unwrap();
    assert_eq!(whole.to_string(), "2026-10-31..2026-11-11");
}

#[test]
fn campaigns_are_caught_up_each_for_itself() {
    let (review, campaigns) = reviews();
    let open = |since: &str, now: &str| due(&review, &campaigns, at(since), at(now));
    // Both share a due time: serving one does not lose the other.
    assert_eq!(
        open("2026-11-12T00:00:00Z", "2026-11-12T00:00:00Z")
            .run
            .len(),
        2
    );
    // Late by a week, the newest edition of each is made.
    let late = open("2026-11-01T00:00:00Z", "2026-11-19T00:00:00Z");
    let made: Vec<&Edition> = late.run.iter().map(|fire| &fire.edition).collect();
    assert_eq!(made, [&Edition::After(7), &Edition::After(7)]);
    assert_eq!(late.missed.len(), 2);
    // Nothing is due for campaigns that ended before the schedule was first served.
    assert_eq!(
        open("2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
        Due::default()
    );
}

#[test]
fn a_thousand_schedules_of_one_minute_are_all_found() {
    let schedules: Vec<Schedule> = (0..1000)
        .map(|_| schedule("0 8 * * *", "Asia/Shanghai"))
        .collect();
    let found: usize = schedules
        .iter()
        .map(|one| {
            due(
                one,
                &none(),
                at("2026-11-21T00:00:00Z"),
                at("2026-11-22T00:00:00Z"),
            )
            .run
            .len()
        })
        .sum();
    assert_eq!(found, 1000);
}
