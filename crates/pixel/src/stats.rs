use core_domain::{SiteId, Timestamp};

use crate::{DAY, Dimension, HOUR, Totals};

/// How long each point of a time series lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// An hour.
    Hour,
    /// A day, UTC.
    Day,
}

core_domain::wire_words!(Interval { Hour = "hour", Day = "day" });

/// What is asked of a site's roll-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsQuery {
    /// The site.
    pub site_id: SiteId,
    /// The beginning of the first day.
    pub from: Timestamp,
    /// The beginning of the last day, which is a part of it.
    pub to: Timestamp,
    /// The series' points.
    pub interval: Interval,
    /// How many names of each kind, from the most frequent on.
    pub top: u32,
}

impl StatsQuery {
    /// The most days, by day.
    pub const MAX_DAYS: u64 = 366;
    /// The most days, by hour.
    pub const MAX_DAYS_BY_HOUR: u64 = 31;
    /// How many names of each kind at most.
    pub const MAX_TOP: u32 = 100;

    /// The end, which is no part of it.
    pub fn end(&self) -> Timestamp {
        self.to.saturating_add(DAY)
    }
}

/// A name and how often it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCount {
    /// Of which names.
    pub dimension: Dimension,
    /// The name.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// What roll-ups say of a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// The time series: points in their order, those without anything left out.
    pub series: Vec<(Timestamp, Totals)>,
    /// Names, the most frequent of each kind first.
    pub names: Vec<NamedCount>,
}

impl Stats {
    /// The whole time. A visitor who comes on two days counts on both: nobody knows that it is the same.
    pub fn totals(&self) -> Totals {
        self.series.iter().fold(Totals::default(), |sum, (_, point)| Totals {
            visitors: sum.visitors + point.new_visitors,
            new_visitors: sum.new_visitors + point.new_visitors,
            sessions: sum.sessions + point.sessions,
            pageviews: sum.pageviews + point.pageviews,
            events: sum.events + point.events,
        })
    }

    /// Every point of the time, also those without anything.
    pub fn filled(&self, query: &StatsQuery) -> Vec<(Timestamp, Totals)> {
        let step = match query.interval {
            Interval::Hour => HOUR,
            Interval::Day => DAY,
        };
        let mut points = Vec::new();
        let (mut found, mut moment) = (self.series.iter().peekable(), query.from);
        while moment < query.end() {
            let point = found.next_if(|(at, _)| *at <= moment).map_or(Totals::default(), |(_, totals)| *totals);
            let visitors = if query.interval == Interval::Day { point.new_visitors } else { point.visitors };
            points.push((moment, Totals { visitors, ..point }));
            let next = moment.saturating_add(step);
            if next == moment {
                break;
            }
            moment = next;
        }
        points
    }

    /// The names of one kind, the most frequent first.
    pub fn of(&self, dimension: Dimension) -> impl Iterator<Item = &NamedCount> {
        self.names.iter().filter(move |named| named.dimension == dimension)
    }
}
