//! The one part of `top` that knows a terminal, a clock and a network: it gives the model news, keys
//! and time, and draws it. The terminal is put back as it was however this ends.

use std::{sync::Arc, time::Duration};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    detail::{Ask, Story},
    events::{Event, Events},
    model::{Key, Model, Screen},
    view::{self, Theme},
};
use crate::{
    cli::{
        CliError, Runtime,
        ask::{Asker, Going},
        failure::in_one_line,
        runtime::stop_signal,
    },
    units::Mono,
};

const STREAM: &str = "/api/v1/stream";

/// How often ages are drawn anew.
const TICK: Duration = Duration::from_millis(500);

/// The server tells something every second: this long without a word, and it is away.
const SILENCE: Duration = Duration::from_secs(5);

/// Pauses before it is asked again: they double from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// News that may wait to be drawn; a server that is faster waits.
const NEWS: usize = 4;

/// What the network brings.
enum News {
    Told(Event),
    Away(String),
    Host(Arc<str>, Result<Box<Story>, String>),
}

/// The terminal, put back as it was when this goes, or when the program panics.
struct Stage {
    terminal: DefaultTerminal,
}

impl Stage {
    fn enter() -> Result<Self, CliError> {
        // This also has a panic put the terminal back before it is told.
        let terminal = ratatui::try_init().map_err(CliError::Output)?;
        Ok(Self { terminal })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Where the terminal is gone nothing can be put back.
        let _gone = ratatui::try_restore();
    }
}

/// Shows the fleet until a key or a signal ends it.
pub(super) async fn watch(asker: Asker, filter: &str, runtime: &Runtime) -> Result<(), CliError> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    // Who cannot be asked at all is told so in the ordinary way.
    let first = tokio::select! {
        () = &mut stop => return Ok(()),
        first = asker.open(STREAM) => first?,
    };
    let address = asker.address().to_string();
    let (sender, mut news) = mpsc::channel(NEWS);
    let mut stage = Stage::enter()?;
    let now = || runtime.clock().now();
    let mut model = Model::new(address, size(&stage)?, now().wall);
    model.filter = filter.to_owned();
    let theme = Theme { colour: runtime.output.colour };
    let _feed = Aborted(tokio::spawn(feed(asker.clone(), first, sender.clone())));
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = now().mono;
    while !model.done {
        model.pass(now().mono.since(heard), now().wall);
        stage.terminal.draw(|frame| view::draw(frame, &model, theme)).map_err(CliError::Output)?;
        if let Screen::Host(detail) = &mut model.screen
            && let Some(ask) = detail.ask(now().mono.since(Mono::default()))
        {
            tokio::spawn(tell(asker.clone(), ask, sender.clone()));
        }
        tokio::select! {
            () = &mut stop => break,
            _ = ticks.tick() => {}
            told = news.recv() => match told {
                None => break,
                Some(News::Host(name, story)) => match &mut model.screen {
                    Screen::Host(detail) if detail.name == name => {
                        detail.hear(story.map(|story| *story));
                    }
                    // Who asked has gone back to the list.
                    _ => {}
                },
                Some(News::Away(why)) => model.lost(why, now().wall),
                Some(News::Told(event)) => match model.fleet.hear(&event.name, &event.data) {
                    Ok(()) => {
                        heard = now().mono;
                        model.heard(now().wall);
                    }
                    Err(error) => model.lost(error.to_string(), now().wall),
                },
            },
            event = keys.next() => match event {
                // The terminal is gone.
                None => break,
                Some(Err(error)) => return Err(CliError::Output(error)),
                Some(Ok(event)) => take(&mut model, event),
            },
        }
    }
    Ok(())
}

/// A task that ends with whoever holds this.
struct Aborted(tokio::task::JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn size(stage: &Stage) -> Result<(usize, usize), CliError> {
    let size = stage.terminal.size().map_err(CliError::Output)?;
    Ok((usize::from(size.width), usize::from(size.height)))
}

fn take(model: &mut Model, event: TerminalEvent) {
    match event {
        TerminalEvent::Resize(columns, lines) => {
            model.resize((usize::from(columns), usize::from(lines)));
        }
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => {
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            let key = match key.code {
                KeyCode::Char('c') if control => Key::Interrupt,
                KeyCode::Char(_) if control => return,
                KeyCode::Char(c) => Key::Char(c),
                KeyCode::Up => Key::Up,
                KeyCode::Down => Key::Down,
                KeyCode::PageUp => Key::PageUp,
                KeyCode::PageDown => Key::PageDown,
                KeyCode::Home => Key::Home,
                KeyCode::End => Key::End,
                KeyCode::Enter => Key::Enter,
                KeyCode::Esc => Key::Esc,
                KeyCode::Backspace => Key::Backspace,
                _ => return,
            };
            model.press(key);
        }
        _ => {}
    }
}

/// Reads the stream for ever; asks again when it ends.
async fn feed(asker: Asker, first: Going, news: mpsc::Sender<News>) {
    let mut stream = Some(first);
    let mut pause = PAUSES.0;
    loop {
        let opened = match stream.take() {
            Some(stream) => Ok(stream),
            None => asker.open(STREAM).await.map_err(|error| in_one_line(&error)),
        };
        let said = match opened {
            Ok(stream) => read(stream, &news, &mut pause).await,
            Err(why) => Err(why),
        };
        let Err(why) = said else { continue };
        if news.send(News::Away(why)).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Reads one stream to its end, which every stream has after a while; that is no fault.
async fn read(
    mut stream: Going,
    news: &mpsc::Sender<News>,
    pause: &mut Duration,
) -> Result<(), String> {
    let mut events = Events::default();
    let mut told = false;
    loop {
        let silent = |_| format!("it said nothing for {} s", SILENCE.as_secs());
        match timeout(SILENCE, stream.next()).await.map_err(silent)? {
            Some(Ok(bytes)) => events.add(&bytes).map_err(|error| error.to_string())?,
            Some(Err(error)) => return Err(in_one_line(&error)),
            None if told => return Ok(()),
            None => return Err("it ended the stream at once".to_owned()),
        }
        while let Some(event) = events.next() {
            told = true;
            *pause = PAUSES.0;
            if news.send(News::Told(event)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Asks for the story of one host.
async fn tell(asker: Asker, ask: Ask, news: mpsc::Sender<News>) {
    let asked = async {
        let why = asker.get(&ask.why).await?;
        Ok::<_, CliError>((why, asker.get(&ask.series).await?))
    };
    let story = match asked.await {
        Ok((why, series)) => {
            Story::read(why, series).map(Box::new).map_err(|error| error.to_string())
        }
        Err(error) => Err(in_one_line(&error)),
    };
    // Nobody waits any more when this fails.
    let _ended = news.send(News::Host(ask.name, story)).await;
}
