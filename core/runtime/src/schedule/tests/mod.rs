//! Due times against the calendar: five zones through their clock changes, leap days, stepped clocks, and every misfire policy.

mod catch_up;

use super::{Ahead, Edition, Fire, ahead, next_fires, period, spread, times_at};
use crate::config::meant::{Campaign, PeriodRule, Schedule, When};
use crate::policy::Misfire;
use chenbao_model::{Id, Period};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule {
        deliver: When::Cron(cron.parse().unwrap()),
        zone: TimeZone::get(zone).unwrap(),
        start: None,
        data_deadline: None,
        misfire: Misfire::Latest,
        period: PeriodRule::Yesterday,
        workdays_only: false,
        not_on: vec![],
        spread: SignedDuration::ZERO,
        complete_within: SignedDuration::from_hours(6),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn none() -> BTreeMap<Id, Campaign> {
    BTreeMap::new()
}

/// The next deliveries as wall times with offset.
fn next(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let fires = next_fires(schedule, &none(), at(from), count);
    fires
        .iter()
        .map(|fire| wall(schedule, fire.times.deliver))
        .collect()
}

fn wall(schedule: &Schedule, at: Timestamp) -> String {
    at.to_zoned(schedule.zone.clone())
        .strftime("%Y-%m-%d %H:%M%:z")
        .to_string()
}

fn days(fires: &[Fire]) -> Vec<String> {
    fires.iter().map(|fire| fire.day.to_string()).collect()
}

/// A zone, a day before its clocks change, and the offsets before and after.
type Change = (&'static str, &'static str, [&'static str; 2]);

const CHANGES: [Change; 10] = [
    (
        "America/New_York",
        "2027-03-12T20:00:00Z",
        ["-05:00", "-04:00"],
    ),
    (
        "America/New_York",
        "2027-11-05T20:00:00Z",
        ["-04:00", "-05:00"],
    ),
    (
        "Europe/London",
        "2027-03-26T20:00:00Z",
        ["+00:00", "+01:00"],
    ),
    (
        "Europe/London",
        "2027-10-29T20:00:00Z",
        ["+01:00", "+00:00"],
    ),
    (
        "Australia/Sydney",
        "2027-10-01T06:00:00Z",
        ["+10:00", "+11:00"],
    ),
    (
        "Australia/Sydney",
        "2027-04-02T06:00:00Z",
        ["+11:00", "+10:00"],
    ),
    (
        "Australia/Lord_Howe",
        "2027-10-01T06:00:00Z",
        ["+10:30", "+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-02T06:00:00Z",
        ["+11:00", "+10:30"],
    ),
    (
        "America/Sao_Paulo",
        "2018-11-02T20:00:00Z",
        ["-03:00", "-02:00"],
    ),
    (
        "America/Sao_Paulo",
        "2018-02-16T20:00:00Z",
        ["-02:00", "-03:00"],
    ),
];

#[test]
fn eight_in_the_morning_stays_eight_through_both_changes_in_five_zones() {
    for (zone, from, [before, after]) in CHANGES {
        let fires = next(&schedule("0 8 * * *", zone), from, 3);
        assert!(
            fires.iter().all(|fire| fire.contains(" 08:00")),
            "{zone} {fires:?}"
        );
        assert!(
            fires[0].ends_with(before) && fires[2].ends_with(after),
            "{zone} {fires:?}"
        );
    }
    let shanghai = next(
        &schedule("0 8 * * *", "Asia/Shanghai"),
        "2026-11-21T00:00:00Z",
        2,
    );
    assert_eq!(
        shanghai,
        ["2026-11-22 08:00+08:00", "2026-11-23 08:00+08:00"]
    );
}

#[test]
fn a_time_in_the_gap_comes_right_after_it_and_a_doubled_time_comes_once() {
    let gap = next(
        &schedule("30 2 * * *", "America/New_York"),
        "2027-03-13T12:00:00Z",
        2,
    );
    assert_eq!(gap, ["2027-03-14 03:00-04:00", "2027-03-15 02:30-04:00"]);
    let fold = next(
        &schedule("30 1 * * *", "America/New_York"),
        "2027-11-06T12:00:00Z",
        2,
    );
    assert_eq!(fold, ["2027-11-07 01:30-04:00", "2027-11-08 01:30-05:00"]);
    // An interval runs through the doubled hour.
    let half_hours = next(
        &schedule("*/30 * * * *", "America/New_York"),
        "2027-11-07T04:30:00Z",
        5,
    );
    let expected = [
        "01:00-04:00",
        "01:30-04:00",
        "01:00-05:00",
        "01:30-05:00",
        "02:00-05:00",
    ]
    .map(|t| format!("2027-11-07 {t}"));
    assert_eq!(half_hours, expected);
    // croner 3 fired this one twice.
    let london = next(
        &schedule("0 0 * * *", "Europe/London"),
        "2026-03-28T12:00:00Z",
        2,
    );
    assert_eq!(london, ["2026-03-29 00:00+00:00", "2026-03-30 00:00+01:00"]);
}

#[test]
fn start_and_deadline_keep_their_wall_time_through_a_change() {
    let mut daily = schedule("0 8 * * *", "America/New_York");
    daily.start = Some(Time::constant(2, 30, 0, 0));
    daily.data_deadline = Some(Time::constant(7, 40, 0, 0));
    let fire = &next_fires(&daily, &none(), at("2027-03-13T20:00:00Z"), 1)[0];
    let times = [
        fire.times.start,
        fire.times.data_deadline,
        fire.times.deliver,
    ]
    .map(|t| wall(&daily, t));
    assert_eq!(
        times,
        [
            "2027-03-14 03:00-04:00",
            "2027-03-14 07:40-04:00",
            "2027-03-14 08:00-04:00"
        ]
    );
    assert_eq!(fire.times.notice, fire.times.data_deadline);
}

#[test]
fn by_default_collecting_begins_80_minutes_before_but_never_before_the_day_or_the_last_issue() {
    let minutes = |cron: &str| {
        let fire = next_fires(
            &schedule(cron, "Asia/Shanghai"),
            &none(),
            at("2026-11-21T16:05:00Z"),
            1,
        )
        .remove(0);
        [fire.times.start, fire.times.data_deadline]
            .map(|t| fire.times.deliver.duration_since(t).as_mins())
    };
    assert_eq!(minutes("0 8 * * *"), [80, 20]);
    // 00:10: the day that it reports has just ended at midnight.
    assert_eq!(minutes("10 0 * * *"), [10, 10]);
    assert_eq!(minutes("*/15 * * * *"), [15, 15]);
}

#[test]
fn leap_days_come_and_other_years_are_passed_over() {
    let leap = next(
        &schedule("0 8 29 2 *", "Asia/Shanghai"),
        "2026-11-21T00:00:00Z",
        2,
    );
    assert_eq!(leap, ["2028-02-29 08:00+08:00", "2032-02-29 08:00+08:00"]);
    let month_end = next(
        &schedule("0 8 L * *", "Asia/Shanghai"),
        "2028-01-31T06:00:00Z",
        1,
    );
    assert_eq!(month_end, ["2028-02-29 08:00+08:00"]);
    let monthly = period(PeriodRule::LastMonth, day("2028-03-31"), None, None).unwrap();
    assert_eq!(
        (monthly.to_string().as_str(), monthly.days()),
        ("2028-02", 29)
    );
    assert_eq!(
        period(PeriodRule::Yesterday, day("2028-03-01"), None, None)
            .unwrap()
            .to_string(),
        "2028-02-29"
    );
}

#[test]
fn six_fields_have_seconds_first() {
    let fires = next_fires(
        &schedule("30 0 8 * * *", "Asia/Shanghai"),
        &none(),
        at("2026-11-22T00:00:00Z"),
        1,
    );
    assert_eq!(fires[0].times.deliver, at("2026-11-22T00:00:30Z"));
}

#[test]
fn walking_back_finds_what_walking_forward_finds_through_a_year_in_five_zones() {
    let zones = [
        "Asia/Shanghai",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "Africa/Cairo",
    ];
    for zone in zones.map(|zone| TimeZone::get(zone).unwrap()) {
        for cron in [
            "0 8 * * *",
            "30 2 * * *",
            "30 1 * * 1-5",
            "0 0 * * *",
            "15 */6 * * *",
        ] {
            let pattern: crate::cron::Pattern = cron.parse().unwrap();
            let (from, to) = (at("2027-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
            let ahead: Vec<_> = pattern
                .after(from, &zone)
                .map(|at| at.timestamp())
                .take_while(|at| *at <= to)
                .collect();
            let mut back: Vec<_> = pattern
                .until(to, &zone)
                .map(|at| at.timestamp())
                .take_while(|at| *at > from)
                .collect();
            back.reverse();
            assert_eq!(ahead, back, "{cron} in {zone:?}");
            assert!(ahead.len() > 200);
        }
    }
}

#[test]
fn patterns_that_never_fire_or_cannot_be_read_are_refused() {
    let refused = |cron: &str| cron.parse::<crate::cron::Pattern>().unwrap_err();
    assert!(refused("0 8 31 2 *").contains("never fires"));
    assert!(refused("0 8 30 2 *").contains("never fires"));
    assert!(refused("0 8 * *").contains("has 4 fields"));
    assert!(refused("0 0 8 * * * 2026").contains("has 7 fields"));
    assert!(refused("0 25 * * *").contains("cannot be read"));
    assert!(refused("每天 8 点").contains("fields"));
}

#[test]
fn holidays_are_left_out_and_a_year_without_a_notice_is_told() {
    let mut work = schedule("0 8 * * *", "Asia/Shanghai");
    work.workdays_only = true;
    // 国庆 2024: off from 1 to 7 October; Sunday 29 September and Saturday 12 October are worked.
    let fires = next_fires(&work, &none(), at("2024-09-27T12:00:00Z"), 7);
    let expected = [
        "2024-09-29",
        "2024-09-30",
        "2024-10-08",
        "2024-10-09",
        "2024-10-10",
        "2024-10-11",
        "2024-10-12",
    ];
    assert_eq!(days(&fires), expected);
    assert!(fires.iter().all(|fire| fire.why.unknown_year().is_none()));
    let later = next_fires(&work, &none(), at("2031-10-03T00:30:00Z"), 1);
    assert_eq!(
        (days(&later), later[0].why.unknown_year()),
        (vec!["2031-10-06".to_owned()], Some(2031))
    );
}

#[test]
fn since_last_covers_every_day_once() {
    let span = |last: Option<&str>, on: &str| {
        period(
            PeriodRule::SinceLast,
            day(on),
            last.map(|last| last.parse().unwrap()),
            None,
        )
        .map(|p: Period| p.to_string())
    };
    assert_eq!(
        span(Some("2026-11-19"), "2026-11-23").unwrap(),
        "2026-11-20..2026-11-22"
    );
    assert_eq!(
        span(Some("2026-11-20..2026-11-22"), "2026-11-24").unwrap(),
        "2026-11-23"
    );
    assert_eq!(span(None, "2026-11-24").unwrap(), "2026-11-23");
    assert!(
        span(Some("2026-11-23"), "2026-11-24")
            .unwrap_err()
            .contains("nothing is new")
    );
}

#[test]
fn weeks_are_iso_weeks() {
    let week = |on: &str| {
        period(PeriodRule::LastWeek, day(on), None, None)
            .unwrap()
            .to_string()
    };
    assert_eq!(week("2026-11-23"), "2026-W47");
    assert_eq!(week("2027-01-04"), "2026-W53");
}

#[test]
fn editions_read_back() {
    for text in ["regular", "D+7", "test/r-1"] {
        assert_eq!(text.parse::<Edition>().unwrap().to_string(), text);
    }
    for text in ["", "D+", "D7", "test/", "weekly"] {
        assert!(text.parse::<Edition>().is_err(), "{text}");
    }
}

/// The times of a schedule from a moment on, with what they are or why they are not.
fn told(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let all = ahead(schedule, &none(), at(from)).take(count);
    all.map(|one| match one {
        Ahead::Fire(fire) => format!("{} {}", fire.day, fire.why),
        Ahead::LeftOut { deliver, why } => {
            let day = deliver.to_zoned(schedule.zone.clone()).date();
            format!("{day} - {why}")
        }
    })
    .collect()
}

#[test]
fn each_day_says_why_it_is_one_or_is_left_out() {
    let mut work = schedule("0 8 * * *", "Asia/Shanghai");
    work.workdays_only = true;
    work.not_on = vec!["2024-10-10".parse().unwrap()];
    // 国庆 2024: 1 to 7 October off, Saturday 12 October worked.
    let expected = [
        "2024-10-06 - a holiday: 国庆节",
        "2024-10-07 - a holiday: 国庆节",
        "2024-10-08 a working day",
        "2024-10-09 a working day",
        "2024-10-10 - not_on 2024-10-10",
        "2024-10-11 a working day",
        "2024-10-12 调休: a weekend worked for 国庆节",
        "2024-10-13 - a weekend",
    ];
    assert_eq!(told(&work, "2024-10-05T12:00:00Z", 8), expected);
    let unknown = told(&work, "2031-10-02T12:00:00Z", 2);
    let expected = [
        "2031-10-03 a weekday; the holidays of 2031 are not known",
        "2031-10-04 - a weekend; the holidays of 2031 are not known",
    ];
    assert_eq!(unknown, expected);
}

#[test]
fn a_schedule_that_leaves_out_every_day_ends_its_search() {
    let mut never = schedule("* * * * *", "Asia/Shanghai");
    never.not_on = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .map(|day| day.parse().unwrap())
        .to_vec();
    let now = at("2026-11-22T00:00:00Z");
    assert_eq!(next_fires(&never, &none(), now, 1), []);
    let since = now - SignedDuration::from_hours(2);
    assert_eq!(
        super::due(&never, &none(), since, now),
        super::Due::default()
    );
}

#[test]
fn jitter_delays_the_start_by_the_same_every_day_and_never_the_deadline() {
    let three = SignedDuration::from_mins(3);
    let ids: Vec<Id> = (0..1000)
        .map(|n| format!("r{n}").parse().unwrap())
        .collect();
    let spreads: Vec<_> = ids.iter().map(|id| spread(id, three)).collect();
    assert_eq!(spreads[7], spread(&ids[7], three));
    assert!(
        spreads
            .iter()
            .all(|by| *by >= SignedDuration::ZERO && *by < three)
    );
    // A thousand reports spread: no tenth of the time gets more than twice its share.
    for tenth in 0..10 {
        let (from, to) = (three * tenth / 10, three * (tenth + 1) / 10);
        let here = spreads
            .iter()
            .filter(|by| **by >= from && **by < to)
            .count();
        assert!((50..200).contains(&here), "{tenth}: {here}");
    }
    let mut daily = schedule("0 8 * * *", "Asia/Shanghai");
    let deliver = at("2026-11-22T00:00:00Z");
    let plain = times_at(&daily, deliver);
    daily.spread = three;
    let later = times_at(&daily, deliver);
    assert_eq!(later.start, plain.start + three);
    assert_eq!(
        (later.data_deadline, later.deliver),
        (plain.data_deadline, deliver)
    );
    daily.spread = SignedDuration::from_hours(9);
    assert_eq!(times_at(&daily, deliver).start, plain.data_deadline);
    assert_eq!(spread(&ids[0], SignedDuration::ZERO), SignedDuration::ZERO);
}
