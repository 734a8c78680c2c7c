//! The one part of `top` that knows a terminal, a clock and a network: it gives the model news, keys
//! and time, and draws it.

mod carry;
mod terminal_event;

use std::{io, panic, sync::Arc, time::Duration};

use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use carry::{carry_out, tell, tell_list};
use terminal_event::take;

use super::{
    deed::Deed,
    detail::Story,
    events::{Event, Events},
    model::{Model, Screen},
    terminal_guard::TerminalGuard,
    view::{self, Theme},
};
use crate::{
    cli::{
        CliError, Runtime,
        ask::{Asker, Going},
        failure::in_one_line,
        people::{WHO_ASKS, known_as, login},
        printer::Printing,
        runtime::end_signal,
    },
    clock::Clock,
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
enum NetworkMessage {
    Told(Event),
    Away(String),
    Host(Arc<str>, Result<Box<Story>, String>),
    Alarms(Result<Box<Value>, String>),
    Changes(Result<Box<Value>, String>),
    /// What came of an order.
    Done(Deed, Result<String, String>),
}

/// Shows the fleet until a key or a signal ends it.
pub(super) async fn watch(asker: Asker, filter: &str, runtime: &Runtime) -> Result<(), CliError> {
    let stop = end_signal()?;
    tokio::pin!(stop);
    // Who cannot be asked at all is told so in the ordinary way.
    let first = tokio::select! {
        () = &mut stop => return Ok(()),
        first = asker.open(STREAM) => first?,
    };
    // A server of before this one does not say.
    let known = asker.get(WHO_ASKS).await.ok().as_ref().and_then(known_as);
    let mut guard = TerminalGuard::enter().map_err(CliError::Output)?;
    let mut show = Show::new(asker, filter, runtime, &guard)?;
    show.model.who = known.or_else(login);
    show.tasks.spawn(feed(show.asker.clone(), first, show.sender.clone()));
    tokio::select! {
        () = &mut stop => Ok(()),
        ended = show.play(&mut guard) => ended,
    }
}

/// What is shown, and the tasks that bring its news.
struct Show<'a> {
    asker: Asker,
    clock: &'a dyn Clock,
    theme: Theme,
    model: Model,
    /// They end with this.
    tasks: JoinSet<()>,
    sender: mpsc::Sender<NetworkMessage>,
    news: mpsc::Receiver<NetworkMessage>,
    /// When the server was heard last.
    heard: Mono,
}

impl<'a> Show<'a> {
    fn new(
        asker: Asker,
        filter: &str,
        runtime: &'a Runtime,
        guard: &TerminalGuard,
    ) -> Result<Self, CliError> {
        let clock = &**runtime.clock();
        let now = clock.now();
        let (sender, news) = mpsc::channel(NEWS);
        let size = guard.size().map_err(CliError::Output)?;
        let mut model = Model::new(asker.address().to_string(), size, now.wall);
        filter.clone_into(&mut model.list.filter);
        let theme = Theme { colour: runtime.output.colour };
        let tasks = JoinSet::new();
        Ok(Self { asker, clock, theme, model, tasks, sender, news, heard: now.mono })
    }

    /// Draws until a key ends it.
    async fn play(&mut self, guard: &mut TerminalGuard) -> Result<(), CliError> {
        let mut keys = EventStream::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The picture that a terminal which is stuck has not taken; the next one waits for it.
        let mut printing: Option<Printing> = None;
        let mut drawn = false;
        while !self.model.done {
            let now = self.clock.now();
            self.model.pass(now.mono.since(self.heard), now.wall);
            if printing.is_none() && !drawn {
                let picture = guard.draw(|frame| view::draw(frame, &self.model, self.theme));
                printing = Some(picture.map_err(CliError::Output)?);
                drawn = true;
            }
            self.ask(now.mono.since(Mono::default()));
            drawn &= tokio::select! {
                // A task that panicked comes first: the terminal is back, and nothing may be drawn
                // over what was said there.
                biased;
                Some(ended) = self.tasks.join_next() => {
                    // It has been told; what it was to bring would be waited for in vain.
                    if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
                        panic::resume_unwind(panic);
                    }
                    false
                }
                event = keys.next() => match event {
                    // The terminal is gone.
                    None => break,
                    Some(Err(error)) => return Err(CliError::Output(error)),
                    // What changes nothing is not drawn anew.
                    Some(Ok(event)) => !take(&mut self.model, &event),
                },
                Some(news) = self.news.recv() => {
                    self.apply(news);
                    false
                }
                written = until_written(&mut printing) => {
                    written.map_err(CliError::Output)?;
                    printing = None;
                    true
                }
                _ = ticks.tick() => false,
            };
        }
        Ok(())
    }

    /// Asks for what the screen shows, when it is time to, and sends what is ordered; `now` is of a clock that
    /// only goes on.
    fn ask(&mut self, now: Duration) {
        let (asker, sender) = (&self.asker, &self.sender);
        for order in self.model.orders.drain(..) {
            let wall = self.model.now;
            self.tasks.spawn(carry_out(asker.clone(), order, wall, sender.clone()));
        }
        match &mut self.model.screen {
            Screen::Fleet => {}
            Screen::Host(detail) => {
                if let Some(ask) = detail.ask(now) {
                    self.tasks.spawn(tell(asker.clone(), ask, sender.clone()));
                }
            }
            Screen::Alarms(list) => {
                if let Some(path) = list.ask(now) {
                    let told = NetworkMessage::Alarms;
                    self.tasks.spawn(tell_list(asker.clone(), path, told, sender.clone()));
                }
            }
            Screen::Changes(list) => {
                if let Some(path) = list.ask(now) {
                    let told = NetworkMessage::Changes;
                    self.tasks.spawn(tell_list(asker.clone(), path, told, sender.clone()));
                }
            }
        }
    }

    fn apply(&mut self, news: NetworkMessage) {
        let now = self.clock.now();
        match news {
            NetworkMessage::Alarms(told) => {
                let room = self.model.room();
                // Who asked may have gone back to the hosts.
                if let Screen::Alarms(list) = &mut self.model.screen {
                    list.apply(told.map(|told| *told), room);
                }
            }
            NetworkMessage::Changes(told) => {
                let room = self.model.room();
                if let Screen::Changes(list) = &mut self.model.screen {
                    list.apply(told.map(|told| *told), room);
                }
            }
            NetworkMessage::Done(deed, told) => self.model.carried_out(deed, told),
            NetworkMessage::Host(name, story) => match &mut self.model.screen {
                Screen::Host(detail) if detail.name == name => {
                    detail.apply(story.map(|story| *story));
                }
                // Who asked has gone back to the list.
                _ => {}
            },
            NetworkMessage::Away(why) => self.model.lost(why, now.wall),
            NetworkMessage::Told(event) => match self.model.fleet.apply(&event.name, &event.data) {
                Ok(()) => {
                    self.heard = now.mono;
                    self.model.heard(now.wall);
                }
                Err(error) => self.model.lost(error.to_string(), now.wall),
            },
        }
    }
}

/// Waits until the picture on its way is written; for ever where there is none.
async fn until_written(printing: &mut Option<Printing>) -> io::Result<()> {
    match printing {
        Some(printing) => printing.done().await,
        None => std::future::pending().await,
    }
}

/// Reads the stream for ever; asks again when it ends.
async fn feed(asker: Asker, first: Going, news: mpsc::Sender<NetworkMessage>) {
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
        if news.send(NetworkMessage::Away(why)).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Reads one stream to its end, which every stream has after a while; that is no fault.
async fn read(
    mut stream: Going,
    news: &mpsc::Sender<NetworkMessage>,
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
            if news.send(NetworkMessage::Told(event)).await.is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
