//! What is to be told, and alarms, among the rows of the spool, for a server that starts before they are
//! in the store.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{super::form::Other, READING, SpoolFile};
use crate::{
    model::{Alarm, Notice},
    store::StoreError,
};

impl SpoolFile {
    /// The alarms among the rows, in the order in which they came.
    pub(in crate::store::spool) fn alarms_waiting(&mut self) -> Result<Vec<Alarm>, StoreError> {
        let failed = self.failed(READING);
        let mut found = self
            .connection
            .prepare_cached("SELECT data FROM other WHERE data LIKE '{\"alarm\":%' ORDER BY id")
            .map_err(&failed)?;
        let mut rows = found.query([]).map_err(&failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let data = row.get_ref(0).and_then(|data| Ok(data.as_str()?)).map_err(&failed)?;
            if let Ok(Other::Alarm(alarm)) = serde_json::from_str(data) {
                all.push(*alarm);
            }
        }
        Ok(all)
    }

    /// The notices among the rows, of each the row that is furthest, in the order in which they came.
    pub(in crate::store::spool) fn notices(&mut self) -> Result<Vec<Arc<Notice>>, StoreError> {
        let failed = self.failed(READING);
        let mut found = self
            .connection
            .prepare_cached("SELECT data FROM other WHERE data LIKE '{\"notice\":%' ORDER BY id")
            .map_err(&failed)?;
        let mut rows = found.query([]).map_err(&failed)?;
        let mut at = HashMap::new();
        let mut all: Vec<Arc<Notice>> = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let data = row.get_ref(0).and_then(|data| Ok(data.as_str()?)).map_err(&failed)?;
            // One that cannot be read is said when its turn comes to be replayed.
            let Ok(Other::Notice(notice)) = serde_json::from_str(data) else { continue };
            let known = (Arc::clone(&notice.receiver), Arc::clone(&notice.id));
            match at.entry(known) {
                Entry::Vacant(entry) => {
                    entry.insert(all.len());
                    all.push(notice);
                }
                Entry::Occupied(entry) => {
                    let kept: &mut Arc<Notice> = &mut all[*entry.get()];
                    if notice.is_after(kept) {
                        *kept = notice;
                    }
                }
            }
        }
        Ok(all)
    }
}
