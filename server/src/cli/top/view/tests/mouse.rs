use super::*;
use crate::cli::top::key::Mouse;

fn click(model: &mut Model, text: &str, line: usize) {
    let drawn = lines(model);
    let at = drawn[line].find(text).unwrap_or_else(|| panic!("{text}: {drawn:#?}"));
    let column = drawn[line][..at].chars().count();
    model.point(Mouse::Click { column, line });
}

#[test]
fn a_click_chooses_a_second_opens_and_a_title_sorts() {
    let mut model = mixed((80, 24));
    let line = |model: &Model, name: &str| {
        lines(model).iter().position(|line| line.starts_with(name)).unwrap()
    };
    let at = line(&model, "db-18");
    click(&mut model, "db-18", at);
    assert_eq!(&*model.list.host().unwrap().name, "db-18");
    assert!(matches!(model.screen, Screen::Fleet), "once only chooses");
    click(&mut model, "Deadline", at);
    let Screen::Host(detail) = &model.screen else { panic!("twice opens") };
    assert_eq!(&*detail.name, "db-18");
    model.press(Key::Esc);
    click(&mut model, "MEM%", 2);
    assert_eq!((model.list.sort, model.list.reverse), (Field::Mem, false));
    assert_eq!(names(&model)[0], "db-2");
    click(&mut model, "MEM%", 2);
    assert_eq!((model.list.sort, model.list.reverse), (Field::Mem, true), "again: the other way");
    click(&mut model, "HOST", 2);
    assert_eq!((model.list.sort, model.list.reverse), (Field::Name, false));
    // Below the last host, on the top line and on the keys there is nothing.
    let before = model.list.position();
    for line in [0, 20, 23] {
        model.point(Mouse::Click { column: 1, line });
    }
    assert_eq!(model.list.position(), before);
    assert!(matches!(model.screen, Screen::Fleet));
}

#[test]
fn a_banner_above_moves_what_is_clicked() {
    let mut model = mixed((80, 24));
    model.lost("connection refused".to_owned(), WallMs(NOW));
    let at = lines(&model).iter().position(|line| line.starts_with("db-18")).unwrap();
    click(&mut model, "db-18", at);
    assert_eq!(&*model.list.host().unwrap().name, "db-18");
}

#[test]
fn the_wheel_scrolls_hosts_and_help_and_a_click_looks_at_a_tab() {
    let hosts: Vec<Value> = (0..100).map(|n| well(&format!("web-{n}"), 1.0)).collect();
    let mut model = model(&hosts, (80, 24));
    model.point(Mouse::WheelDown);
    assert_eq!(model.list.first(), 3);
    assert!(lines(&model)[3].starts_with("web-3 "), "{}", lines(&model)[3]);
    model.point(Mouse::WheelUp);
    assert_eq!(model.list.first(), 0);
    press(&mut model, "?");
    let before = lines(&model);
    model.point(Mouse::WheelDown);
    assert_ne!(lines(&model), before);
    model.press(Key::Esc);
    model.press(Key::Enter);
    let Screen::Host(detail) = &mut model.screen else { panic!("no host") };
    detail.apply(Ok(story()));
    let tabs = lines(&model).iter().position(|line| line.contains("1 Overview")).unwrap();
    click(&mut model, "Cores", tabs);
    assert!(lines(&model)[tabs + 1].starts_with(" CORE "), "{}", lines(&model)[tabs + 1]);
    model.point(Mouse::WheelDown);
    assert!(lines(&model)[tabs + 2].starts_with(" 28 "), "{}", lines(&model)[tabs + 2]);
    click(&mut model, "Why", tabs);
    assert!(lines(&model).join("\n").contains("CHANGED"));
}
