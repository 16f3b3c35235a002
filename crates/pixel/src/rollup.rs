//! The arithmetic of roll-ups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use core_domain::{SiteId, Timestamp, WireWord as _};

use crate::{DropReason, Event, EventClass, VisitorId, day_of, hour_of};

/// How long a session lasts without an event.
pub const SESSION_IDLE: Duration = Duration::from_mins(30);
/// How many names of one kind a site has in a day.
pub const MAX_NAMES: u32 = 1_000;
/// What names beyond [`MAX_NAMES`] are counted as.
pub const OTHER: &str = "(other)";

/// An event that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Of which site.
    pub site_id: SiteId,
    /// Who.
    pub visitor: VisitorId,
    /// When it arrived.
    pub at: Timestamp,
    /// Whether the site counts sessions.
    pub counts_sessions: bool,
    /// How the page is named in stats.
    pub page: String,
    /// What.
    pub event: Event,
}

/// What is counted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Page views, by page.
    Page,
    /// Page views, by the host that they came from.
    Referrer,
    /// The site's own events, by name.
    Event,
    /// Page views, by `utm_source`.
    Source,
    /// Page views, by `utm_campaign`.
    Campaign,
    /// What was not taken, by [`DropReason`].
    Dropped,
}

core_domain::wire_words!(Dimension {
    Page = "page",
    Referrer = "referrer",
    Event = "event",
    Source = "source",
    Campaign = "campaign",
    Dropped = "dropped",
});

impl Dimension {
    /// What stores call it.
    pub const fn as_number(self) -> i16 {
        self as i16
    }

    /// From what stores call it.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|dimension| dimension.as_number() == number)
    }
}

/// One name that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// Of which names.
    pub of: NamesKey,
    /// The name.
    pub name: String,
}

/// The names of one kind, of one site, on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamesKey {
    /// The site.
    pub site_id: SiteId,
    /// The beginning of the day.
    pub day: Timestamp,
    /// The kind.
    pub dimension: Dimension,
}

/// A visitor of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorKey {
    /// The site.
    pub site_id: SiteId,
    /// The beginning of the day.
    pub day: Timestamp,
    /// Who.
    pub visitor: VisitorId,
}

/// Sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Visitors: of an hour those seen in it, of a day those seen on it.
    pub visitors: u64,
    /// Visitors seen for the first time that day.
    pub new_visitors: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Page views.
    pub pageviews: u64,
    /// The site's own events.
    pub events: u64,
}

/// What must be known before events can be folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// When these were seen last.
    pub visitors: BTreeSet<VisitorKey>,
    /// Which of these are counted already, and how many others there are of their kinds.
    pub names: BTreeSet<NameKey>,
}

/// What is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// When visitors were seen last.
    pub seen: BTreeMap<VisitorKey, Timestamp>,
    /// Names that are counted already.
    pub known: BTreeSet<NameKey>,
    /// How many names there are; [`OTHER`] is not one.
    pub names: BTreeMap<NamesKey, u32>,
}

/// How often something was not taken, of which site, on which day.
pub type Drops = BTreeMap<(SiteId, Timestamp, DropReason), u64>;

/// What is to be written beside the events, all in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// When visitors were seen last.
    pub seen: BTreeMap<VisitorKey, Timestamp>,
    /// What to add to the hours.
    pub hours: BTreeMap<(SiteId, Timestamp), Totals>,
    /// What to add to the names.
    pub names: BTreeMap<NameKey, u64>,
    /// How many names there are now.
    pub name_counts: BTreeMap<NamesKey, u32>,
}

/// What must be known to fold these.
pub fn wanted(events: &[Accepted], drops: &Drops) -> Wanted {
    Wanted {
        visitors: events.iter().map(visitor_key).collect(),
        names: tally(events, drops).into_iter().map(|(name, _)| name.into()).collect(),
    }
}

/// What these events, in their order, and these drops add to what is known.
pub fn fold(events: &[Accepted], drops: &Drops, state: State) -> Batch {
    let mut fold = Fold { state, batch: Batch::default() };
    for event in events {
        fold.count(event);
    }
    for (name, count) in tally(events, drops) {
        fold.add_name(name.into(), count);
    }
    fold.batch
}

struct Fold {
    state: State,
    batch: Batch,
}

impl Fold {
    fn count(&mut self, event: &Accepted) {
        let key = visitor_key(event);
        let before = self.state.seen.get(&key).copied();
        let class = event.event.name.class();
        let in_session = before.is_some_and(|last| event.at.since(last) < SESSION_IDLE);
        // That a page was left begins nothing.
        if class == EventClass::Leave && !in_session {
            return;
        }
        let totals = self.batch.hours.entry((event.site_id, hour_of(event.at))).or_default();
        totals.new_visitors += u64::from(before.is_none());
        totals.visitors += u64::from(before.is_none_or(|last| hour_of(last) < hour_of(event.at)));
        totals.sessions += u64::from(!in_session && event.counts_sessions);
        totals.pageviews += u64::from(class == EventClass::Pageview);
        totals.events += u64::from(class == EventClass::Own);
        let last = before.map_or(event.at, |last| last.max(event.at));
        self.state.seen.insert(key, last);
        self.batch.seen.insert(key, last);
    }

    fn add_name(&mut self, mut key: NameKey, count: u64) {
        if !self.state.known.contains(&key) {
            let names = self.state.names.entry(key.of).or_default();
            if *names < MAX_NAMES {
                *names += 1;
                self.batch.name_counts.insert(key.of, *names);
                self.state.known.insert(key.clone());
            } else {
                OTHER.clone_into(&mut key.name);
            }
        }
        *self.batch.names.entry(key).or_default() += count;
    }
}

fn visitor_key(event: &Accepted) -> VisitorKey {
    VisitorKey { site_id: event.site_id, day: day_of(event.at), visitor: event.visitor }
}

/// A [`NameKey`] that copies no text: a batch names few things many times.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name<'a> {
    of: NamesKey,
    name: &'a str,
}

impl From<Name<'_>> for NameKey {
    fn from(Name { of, name }: Name<'_>) -> Self {
        Self { of, name: name.to_owned() }
    }
}

/// How often each name is to be counted, in the order in which they come.
fn tally<'a>(events: &'a [Accepted], drops: &Drops) -> Vec<(Name<'a>, u64)> {
    let mut places = HashMap::new();
    let mut tally = Vec::new();
    let mut count = |name: Name<'a>, times| {
        let place = *places.entry(name).or_insert(tally.len());
        match tally.get_mut(place) {
            Some((_, sum)) => *sum += times,
            None => tally.push((name, times)),
        }
    };
    for event in events {
        for (dimension, name) in names_of(event) {
            count(Name { of: NamesKey { site_id: event.site_id, day: day_of(event.at), dimension }, name }, 1);
        }
    }
    for ((site_id, day, reason), times) in drops {
        let of = NamesKey { site_id: *site_id, day: *day, dimension: Dimension::Dropped };
        count(Name { of, name: reason.as_str() }, *times);
    }
    tally
}

fn names_of(event: &Accepted) -> impl Iterator<Item = (Dimension, &str)> {
    let (class, utm) = (event.event.name.class(), &event.event.page.utm);
    let is_view = class == EventClass::Pageview;
    let told = [
        (Dimension::Page, is_view.then_some(event.page.as_str())),
        (Dimension::Referrer, event.event.referrer.as_deref().filter(|_| is_view)),
        (Dimension::Source, utm.source.as_deref().filter(|_| is_view)),
        (Dimension::Campaign, utm.campaign.as_deref().filter(|_| is_view)),
        (Dimension::Event, (class == EventClass::Own).then_some(event.event.name.as_str())),
    ];
    told.into_iter().filter_map(|(dimension, text)| text.map(|text| (dimension, text)))
}
