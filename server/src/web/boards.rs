//! Boards: read, written and removed. The files wait for a disk on a thread for that, one look at a time.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{
    Site,
    asked::NothingAsked,
    body::{Body, read},
    failure::Failure,
    params::{HostPath, RequestParams},
};
use crate::{
    board::{Board, MAX_BOARD_BYTES},
    board_folder::{BoardError, BoardFile, BoardFolder},
};

/// The largest body of a board, bytes: its text, each character of it maybe escaped, and its version.
pub const MAX_BOARD_BODY_BYTES: usize = 132_096;

/// How long the folder may take to answer.
pub const BOARD_PATIENCE: Duration = Duration::from_secs(5);

const EXPECTED: &str = "a JSON object (content-type application/json) with \"text\", the TOML of the board, and \"version\" of the board that \
     it takes the place of; without \"version\" it is a new one";

/// The folder of boards, looked at by one request at a time.
#[derive(Debug, Clone)]
pub struct BoardSite {
    folder: Arc<BoardFolder>,
    place: Arc<Semaphore>,
    patience: Duration,
}

impl BoardSite {
    /// Over this folder.
    #[must_use]
    pub fn new(folder: BoardFolder) -> Self {
        Self {
            folder: Arc::new(folder),
            place: Arc::new(Semaphore::new(1)),
            patience: BOARD_PATIENCE,
        }
    }

    /// Does what waits for the disk; a disk that hangs costs one thread, however many ask.
    async fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&BoardFolder) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let folder = Arc::clone(&self.folder);
        let done = async {
            let place = Arc::clone(&self.place).acquire_owned().await.ok()?;
            let job = spawn_blocking(move || {
                let _place = place;
                job(&folder)
            });
            job.await.ok()
        };
        let path = self.folder.path().display();
        let late = || {
            let seconds = self.patience.as_secs();
            Failure::unavailable(format!(
                "{path} does not answer within {seconds} s: look at its disk"
            ))
        };
        timeout(self.patience, done).await.ok().flatten().ok_or_else(late)
    }
}

/// The boards there are.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BoardsPage {
    /// The folder that they are in.
    folder: String,
    /// Whether the server may write into it.
    writable: bool,
    /// By name.
    boards: Vec<BoardLine>,
    /// What is wrong with the folder as a whole.
    problems: Vec<String>,
}

/// A board in a line.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BoardLine {
    /// The name of its file, without `.toml`.
    name: String,
    /// Its heading; `null` where its file was never right.
    title: Option<String>,
    /// How many charts it has.
    charts: usize,
    /// What is wrong with its file, each with line and column; it is shown as it was before.
    problems: Vec<String>,
}

/// A board.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BoardShape {
    /// The name of its file, without `.toml`.
    name: String,
    /// What `text` is known by: whoever writes the board names it.
    version: String,
    /// The text of its file; `null` where that cannot be read.
    text: Option<Arc<str>>,
    /// What is in force; `null` where the file was never right.
    board: Option<Board>,
    /// What is wrong with its file, each with line and column.
    problems: Vec<String>,
}

impl BoardShape {
    fn new(name: &str, file: &BoardFile) -> Self {
        let BoardFile { board, text, version, problems } = file.clone();
        let board = board.map(|board| Board::clone(&board));
        Self { name: name.to_owned(), version, text, board, problems }
    }
}

/// The body of a board that is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardAsked {
    /// All of its file: TOML.
    #[schemars(length(min = 1, max = MAX_BOARD_BYTES))]
    text: String,
    /// The version that it takes the place of; left out for a new board.
    version: Option<String>,
}

/// The body of a board's removal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardGone {
    /// The version that was read.
    version: String,
}

impl From<BoardError> for Failure {
    fn from(error: BoardError) -> Self {
        let words = error.to_string();
        match error {
            BoardError::Name(_) | BoardError::Problems(_) => Self::bad_request(words),
            BoardError::Changed(_) | BoardError::TooMany => Self::conflict(words),
            BoardError::Unknown(_) => Self::missing(words),
            BoardError::Unwritable { .. } => Self::unavailable(words),
        }
    }
}

/// `GET /api/v1/boards`.
pub(super) async fn boards(
    State(site): State<Arc<Site>>,
    _: RequestParams<NothingAsked>,
) -> Result<Json<BoardsPage>, Failure> {
    let now = site.boards.with(BoardFolder::look).await?;
    let line = |(name, file): (String, BoardFile)| BoardLine {
        name,
        title: file.board.as_ref().map(|board| board.title.clone()),
        charts: file.board.as_ref().map_or(0, |board| board.charts.len()),
        problems: file.problems,
    };
    Ok(Json(BoardsPage {
        folder: site.boards.folder.path().display().to_string(),
        writable: now.writable,
        boards: now.files.into_iter().map(line).collect(),
        problems: now.problems,
    }))
}

/// `GET /api/v1/boards/{name}`.
pub(super) async fn board(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    _: RequestParams<NothingAsked>,
) -> Result<Json<BoardShape>, Failure> {
    let now = site.boards.with(BoardFolder::look).await?;
    match now.files.get(&name) {
        Some(file) => Ok(Json(BoardShape::new(&name, file))),
        None => Err(BoardError::Unknown(name).into()),
    }
}

/// `PUT /api/v1/boards/{name}`.
pub(super) async fn put(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    _: RequestParams<NothingAsked>,
    body: Body<BoardAsked>,
) -> Result<Json<BoardShape>, Failure> {
    let BoardAsked { text, version } = read(body, EXPECTED)?;
    let written = name.clone();
    let done = site.boards.with(move |folder| folder.write(&written, &text, version.as_deref()));
    let now = done.await??;
    tracing::info!(board = name, "a board was written");
    match now.files.get(&name) {
        Some(file) => Ok(Json(BoardShape::new(&name, file))),
        None => Err(BoardError::Unknown(name).into()),
    }
}

/// `POST /api/v1/boards/{name}/remove`.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    _: RequestParams<NothingAsked>,
    body: Body<BoardGone>,
) -> Result<Json<BoardShape>, Failure> {
    let BoardGone { version } = read(
        body,
        "a JSON object (content-type application/json) with \"version\", that of the board that was read",
    )?;
    let removed = name.clone();
    let gone = site.boards.with(move |folder| folder.remove(&removed, &version)).await??;
    tracing::info!(board = name, "a board was removed");
    Ok(Json(BoardShape::new(&name, &gone)))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::mpsc};

    use super::*;

    /// A body at the limit of a board, each character escaped, fits.
    const _: () = assert!(MAX_BOARD_BODY_BYTES > 2 * MAX_BOARD_BYTES);

    #[tokio::test]
    async fn a_disk_that_hangs_is_said_and_costs_one_thread() {
        let folder = BoardFolder::beside(Path::new("nowhere/inventory.toml"));
        let patience = Duration::from_millis(20);
        let site = BoardSite { patience, ..BoardSite::new(folder) };
        let (free, hung) = mpsc::channel::<()>();
        let first = site.with(move |_| hung.recv().is_ok()).await;
        assert_eq!(first.unwrap_err().status(), 503);
        // Others wait for their turn, not on threads of their own.
        let (began, ran) = mpsc::channel();
        let second = site.with(move |_| began.send(()).is_ok()).await;
        assert_eq!(second.unwrap_err().status(), 503);
        assert!(ran.try_recv().is_err(), "it never began");
        free.send(()).unwrap();
        let site = BoardSite { patience: BOARD_PATIENCE, ..site };
        assert_eq!(site.with(|_| 7).await.unwrap(), 7);
    }
}
