//! The latest events of this process, for whoever listens to it: kept in memory, at most [`KEPT`] of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How many events are kept; the embedded engine's stream keeps as many records.
pub const KEPT: usize = 10_000;

/// How often a listener hears that there is nothing new.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many events a reader takes at once.
const AT_ONCE: usize = 100;

/// A place in the stream: a sequence number. The default is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u128);

impl Position {
    /// Reads digits alone.
    pub fn parse(text: &str) -> Option<Self> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok().map(Self))?
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// Its `type`.
    pub event_type: &'static str,
    /// The whole event.
    pub json: Arc<str>,
}

/// The latest events. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    kept: Arc<Mutex<VecDeque<Entry>>>,
    news: Arc<watch::Sender<News>>,
    heartbeat: Duration,
}

/// What listeners are woken for.
#[derive(Clone, Copy)]
struct News {
    last: Position,
    is_closed: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new(HEARTBEAT)
    }
}

impl Feed {
    /// An empty feed, whose listeners hear from it at least this often.
    pub fn new(heartbeat: Duration) -> Self {
        let news = News { last: Position::default(), is_closed: false };
        Self { kept: Arc::default(), news: Arc::new(watch::Sender::new(news)), heartbeat }
    }

    /// Adds events. What was there already is not added twice.
    pub fn append(&self, entries: impl Iterator<Item = Entry>) {
        let last = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let known = kept.back().map(|entry| entry.position).unwrap_or_default();
            kept.extend(entries.filter(|entry| entry.position > known));
            let surplus = kept.len().saturating_sub(KEPT);
            kept.drain(..surplus);
            kept.back().map(|entry| entry.position).unwrap_or_default()
        };
        self.news.send_modify(|news| news.last = last);
    }

    /// Ends every reader, once it has read what is there.
    pub fn close(&self) {
        self.news.send_modify(|news| news.is_closed = true);
    }

    /// Reads what comes after a place, or from now on.
    pub fn read(&self, after: Option<Position>) -> Reader {
        let news = self.news.subscribe();
        let position = after.unwrap_or_else(|| news.borrow().last);
        Reader { feed: self.clone(), news, position }
    }

    fn after(&self, position: Position) -> Vec<Entry> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let first = kept.partition_point(|entry| entry.position <= position);
        kept.range(first..).take(AT_ONCE).cloned().collect()
    }
}

/// One listener's place in a feed.
pub struct Reader {
    feed: Feed,
    news: watch::Receiver<News>,
    position: Position,
}

impl Reader {
    /// What is there already.
    pub fn waiting(&mut self) -> Vec<Entry> {
        // Seen before it is read: what comes in between wakes us once more.
        self.news.mark_unchanged();
        let entries = self.feed.after(self.position);
        self.position = entries.last().map_or(self.position, |entry| entry.position);
        entries
    }

    /// Waits for more: none after a while without any, and `None` when the feed is closed and read.
    pub async fn next(&mut self) -> Option<Vec<Entry>> {
        loop {
            let is_closed = self.news.borrow().is_closed;
            let entries = self.waiting();
            if !entries.is_empty() {
                return Some(entries);
            }
            if is_closed {
                return None;
            }
            match tokio::time::timeout(self.feed.heartbeat, self.news.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(Vec::new()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(positions: std::ops::Range<u128>) -> impl Iterator<Item = Entry> {
        positions.map(|n| Entry { position: Position(n), event_type: "user.updated", json: n.to_string().into() })
    }

    fn read(reader: &mut Reader) -> Vec<u128> {
        reader.waiting().iter().map(|entry| entry.position.0).collect()
    }

    #[tokio::test]
    async fn a_reader_goes_on_where_it_was_and_hears_nothing_twice() {
        let feed = Feed::new(Duration::from_millis(1));
        feed.append(entries(1..4));
        feed.append(entries(2..6));
        assert_eq!(read(&mut feed.read(Position::parse("2"))), [3, 4, 5]);
        let mut late = feed.read(None);
        assert_eq!(read(&mut late), [0_u128; 0]);
        assert!(late.next().await.unwrap().is_empty(), "a heartbeat");
        feed.append(entries(6..7));
        assert_eq!(late.next().await.unwrap().len(), 1);
        feed.append(entries(7..8));
        feed.close();
        assert_eq!(late.next().await.unwrap().len(), 1, "what came before the end is read");
        assert!(late.next().await.is_none());
    }

    #[test]
    fn the_oldest_go_first() {
        let feed = Feed::default();
        feed.append(entries(1..KEPT as u128 + 11));
        assert_eq!(read(&mut feed.read(Some(Position::default()))).first(), Some(&11));
        assert_eq!(feed.kept.lock().unwrap().len(), KEPT);
    }

    #[test]
    fn a_position_is_digits() {
        for text in ["+1", "-1", "1 ", "x", "", "1000000000000000000000000000000000000000000"] {
            assert_eq!(Position::parse(text), None, "{text:?}");
        }
        assert_eq!(Position::parse("0"), Some(Position::default()));
    }
}
