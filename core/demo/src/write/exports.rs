//! Which export covers which days: weekly ones that overlap, or one per day for the last week.

use super::sheet::{Encoding, Sheet, failed};
use crate::calendar::{Calendar, DAY, unix};
use chenbao_model::diagnostic::Problems;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Days that one export covers, and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// First day.
    pub from: i64,
    /// Last day.
    pub to: i64,
    /// Wall-clock moment of the export: early on the morning after.
    pub moment: i64,
    /// Whether it is the oldest, which may be of an older generation.
    pub first: bool,
}

/// How a kind of export cuts the history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Weekly (for a long history fortnightly) exports; each but the first repeats so many days before it.
    Overlapping(i64),
    /// The same without repetition, and one export per day for the last seven days.
    DailyAtLast,
}

/// The windows of a history, oldest first. `minute` is when in the hour after 06:00 this kind is exported.
pub(crate) fn windows(calendar: &Calendar, cut: Cut, minute: i64) -> VecDeque<Window> {
    let step = if calendar.days() > 200 { 14 } else { 7 };
    let moment = |to: i64| (to + 1) * DAY + 6 * 3600 + minute * 60 + 7;
    let mut windows = VecDeque::new();
    let mut to = calendar.last;
    if matches!(cut, Cut::DailyAtLast) {
        while to > calendar.last - 7 && to >= calendar.first {
            windows.push_front(Window {
                from: to,
                to,
                moment: moment(to),
                first: false,
            });
            to -= 1;
        }
    }
    while to >= calendar.first {
        let repeated = if let Cut::Overlapping(days) = cut {
            days
        } else {
            0
        };
        // A rest of a few days does not get an export of its own.
        if to - step < calendar.first + 4 {
            windows.push_front(Window {
                from: calendar.first,
                to,
                moment: moment(to),
                first: false,
            });
            break;
        }
        let from = (to - step + 1 - repeated).max(calendar.first);
        windows.push_front(Window {
            from,
            to,
            moment: moment(to),
            first: false,
        });
        to -= step;
    }
    if let Some(oldest) = windows.front_mut() {
        oldest.first = true;
    }
    windows
}

/// The exports of one kind, opened and closed as the days go by.
#[derive(Debug)]
pub(crate) struct Exports {
    folder: PathBuf,
    word: &'static str,
    header: Vec<&'static str>,
    coming: VecDeque<Window>,
    open: Vec<(Window, Sheet)>,
}

impl Exports {
    /// Exports below `folder`, named after the moment and `word`.
    pub(crate) fn new(
        folder: &Path,
        word: &'static str,
        header: &[&'static str],
        coming: VecDeque<Window>,
    ) -> Result<Self, Problems> {
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        Ok(Self {
            folder: folder.to_owned(),
            word,
            header: header.to_vec(),
            coming,
            open: Vec::new(),
        })
    }

    /// Opens what begins with this day; the first export of all with the header of an older generation, if there is one.
    pub(crate) fn begin(
        &mut self,
        calendar: &Calendar,
        day: i64,
        older: Option<&[&'static str]>,
    ) -> Result<(), Problems> {
        while self.coming.front().is_some_and(|window| window.from <= day) {
            let Some(window) = self.coming.pop_front() else {
                break;
            };
            let path = self.folder.join(name(calendar, &window, self.word));
            let sheet = match older {
                Some(header) if window.first => Sheet::create(&path, Encoding::Gb18030, header)?,
                _ => Sheet::create(&path, Encoding::Utf8Bom, &self.header)?,
            };
            self.open.push((window, sheet));
        }
        Ok(())
    }

    /// Hands every open export to `write`, with its window.
    pub(crate) fn each(
        &mut self,
        mut write: impl FnMut(&Window, &mut Sheet) -> Result<(), Problems>,
    ) -> Result<(), Problems> {
        self.open
            .iter_mut()
            .try_for_each(|(window, sheet)| write(window, sheet))
    }

    /// Closes what ends with this day.
    pub(crate) fn end(&mut self, day: i64) -> Result<(), Problems> {
        let (done, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|(window, _)| window.to <= day);
        self.open = open;
        let done: Vec<(Window, Sheet)> = done;
        done.into_iter().try_for_each(|(_, sheet)| sheet.finish())
    }
}

/// `1791430000_订单导出_2026-11-12_2026-11-21.csv`
pub(crate) fn name(calendar: &Calendar, window: &Window, word: &str) -> String {
    let days = if window.from == window.to {
        calendar.date(window.to).to_owned()
    } else {
        format!(
            "{}_{}",
            calendar.date(window.from),
            calendar.date(window.to)
        )
    };
    format!("{}_{word}_{days}.csv", unix(window.moment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn overlapping_exports_repeat_three_days_and_end_with_the_last() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let windows = windows(&calendar, Cut::Overlapping(3), 31);
        assert_eq!(windows.front().unwrap().from, calendar.first);
        let (last, before) = (windows[windows.len() - 1], windows[windows.len() - 2]);
        assert_eq!((last.to, last.to - last.from), (calendar.last, 9));
        assert_eq!(before.to - last.from, 2);
        assert_eq!(
            name(&calendar, &last, "订单导出"),
            "1795300267_订单导出_2026-11-12_2026-11-21.csv"
        );
    }

    #[test]
    fn daily_exports_cover_each_day_once() {
        let calendar = Calendar::new(date(2026, 11, 21), 120).unwrap();
        let mut next = calendar.first;
        for window in windows(&calendar, Cut::DailyAtLast, 20) {
            assert_eq!(window.from, next);
            next = window.to + 1;
        }
        assert_eq!(next, calendar.last + 1);
    }
}
