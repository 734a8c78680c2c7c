//! Server-sent events out of the bytes of an answer (HTML Living Standard, 9.2.6): those that the
//! server writes, which have one line of data. Pure.

/// The largest event, bytes: the fleet whole, with 20,000 hosts a tenth of it.
pub(super) const MAX_EVENT_BYTES: usize = 64 << 20;

/// An event is longer than any fleet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent an event of more than {} MiB", MAX_EVENT_BYTES >> 20)]
pub(super) struct TooLong;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// What it is.
    pub(super) name: String,
    /// What it says.
    pub(super) data: String,
}

/// The part of an answer that is no whole event yet.
#[derive(Debug, Default)]
pub(super) struct Events {
    waiting: Vec<u8>,
    /// How much of it is known to hold no end of an event.
    seen: usize,
}

impl Events {
    /// Takes more bytes.
    ///
    /// # Errors
    /// [`TooLong`]; what waits is of no use then.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.waiting.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        let ends = self.waiting[self.seen..].windows(2).position(|pair| pair == b"\n\n");
        let Some(end) = ends.map(|end| self.seen + end) else {
            self.seen = self.waiting.len().saturating_sub(1);
            return None;
        };
        self.seen = 0;
        let event: Vec<u8> = self.waiting.drain(..end + 2).collect();
        let mut found = Event { name: String::new(), data: String::new() };
        for line in String::from_utf8_lossy(&event).lines() {
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut found.name),
                Some(("data", data)) => data.clone_into(&mut found.data),
                _ => {}
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_their_bytes_are_cut() {
        let text = "event: fleet\nretry: 1000\ndata: {\"ä\":1}\n\nevent: change\ndata: {}\n\nevent";
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for bytes in text.as_bytes().chunks(size) {
                events.add(bytes).unwrap();
                found.extend(std::iter::from_fn(|| events.next()));
            }
            let named: Vec<(&str, &str)> =
                found.iter().map(|event| (event.name.as_str(), event.data.as_str())).collect();
            assert_eq!(named, [("fleet", "{\"ä\":1}"), ("change", "{}")], "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_read_for_ever() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1 << 20];
        let taken = (0..=64).take_while(|_| events.add(&piece).is_ok()).count();
        assert_eq!(taken, 64);
    }
}
