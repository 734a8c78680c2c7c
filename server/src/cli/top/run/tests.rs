//! A panic in a real terminal: it is put back, and what is wrong is read after it.

use std::env;

use ratatui::style::Style;

use super::*;
use crate::{
    cli::{GlobalArgs, output::Output},
    config::{Config, Sources},
};

#[path = "../../../../tests/support/terminal.rs"]
mod terminal;

use terminal::Terminal;

/// Set in the terminal: what panics there.
const PANICS: &str = "ROUNDSMAN_TEST_TOP_PANICS";
/// This test's name, which runs in the terminal, too.
const NAME: &str = "cli::top::run::tests::a_panic_puts_the_terminal_back_and_is_read_after_it";

/// Draws, and panics while it does or in a task that was to bring news.
async fn play(what: &str) {
    let runtime = Runtime::new(GlobalArgs::default(), Output::detect()).unwrap();
    let config = Config::load(Sources::default()).unwrap().config;
    let mut guard = TerminalGuard::enter().unwrap();
    let mut show = Show::new(Asker::new(&config.http).unwrap(), "", &runtime, &guard).unwrap();
    if what == "task" {
        let (drawn, sender) = (sleep(TICK * 2), show.sender.clone());
        show.tasks.spawn(async move {
            drawn.await;
            // There is news at the same moment, which may not be drawn any more.
            sender.try_send(NetworkMessage::Away("the server went".to_owned())).unwrap();
            panic!("a fault in a task")
        });
        show.play(&mut guard).await.unwrap();
    } else {
        for wrong in [false, true] {
            let draw = |frame: &mut ratatui::Frame<'_>| {
                frame.buffer_mut().set_string(0, 0, "on the stage", Style::new());
                assert!(!wrong, "a fault in a frame");
            };
            let _printing = guard.draw(draw).unwrap();
        }
    }
}

#[test]
fn a_panic_puts_the_terminal_back_and_is_read_after_it() {
    if let Ok(what) = env::var(PANICS) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(play(&what));
    }
    let program = env::current_exe().unwrap();
    let (frame, task) = (("frame", "a fault in a frame"), ("task", "a fault in a task"));
    // Were it chance whether a panic or news is heard first, it would hardly be the panic each time.
    for (what, words) in [frame, task, task, task] {
        let terminal = Terminal::open(80, 24, &[(PANICS, what)]);
        terminal.enter("stty -g > before");
        let record = terminal.record();
        let run = format!("{} --exact {NAME} --nocapture --test-threads=1", program.display());
        let screen = terminal.run(&run);
        terminal.tmux(&["pipe-pane"]);
        // What was there before is there again, and below it what is wrong, not written over.
        let lines: Vec<&str> = screen.lines().collect();
        let at = lines.iter().position(|line| line.contains("panicked at")).expect(&screen);
        assert!(lines[at].contains("src/cli/top/run/tests.rs"), "{screen}");
        assert_eq!(lines[at + 1].trim_end(), words, "{screen}");
        assert!(lines[0].contains("ready$"), "the screen before:\n{screen}");
        assert!(!screen.contains("on the stage") && !screen.contains("not live"), "{screen}");
        let mode = terminal.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(mode.trim(), "0 1", "other screen, cursor");
        terminal.enter("stty -g > after; diff before after && echo sa''ne");
        terminal.sees("sane");
        // It was on the other screen, without a cursor, and left it once (xterm, DECSET 1049, 25).
        let told = std::fs::read_to_string(record).unwrap();
        assert!(told.contains("\u{1b}[?1049h") && told.contains("\u{1b}[?25l"), "{told:?}");
        assert_eq!(told.matches("\u{1b}[?1049l").count(), 1, "{told:?}");
    }
}
