use super::*;

fn row(model: &Model, name: &str) -> String {
    let all = lines(model);
    all.iter().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{all:#?}")).clone()
}

#[test]
fn groups_have_means_sums_and_states_and_are_folded_and_unfolded() {
    let mut model = mixed((80, 24));
    press(&mut model, "t");
    insta::assert_snapshot!("groups_80", lines(&model).join("\n"));
    let mut wide = mixed((200, 60));
    press(&mut wide, "t");
    insta::assert_snapshot!("groups_200", lines(&wide).join("\n"));
    // The mean of 84.2 on 8 cores and 2.0 on 4; of the hosts that failed none counts.
    assert!(row(&model, "▾ app").contains(" 56.8 "), "{}", row(&model, "▾ app"));
    assert!(row(&model, "▾ app").contains("■2 ●2"), "{}", row(&model, "▾ app"));
    assert_eq!(names(&model).len(), 12);

    // The first row is a group; f folds it, and it stays chosen.
    press(&mut model, "f");
    assert!(!names(&model).contains(&"app-1"), "{:?}", names(&model));
    assert!(row(&model, "▸ app").contains("■2 ●2"));
    assert_eq!(model.list.position(), 0);
    model.press(Key::Right);
    assert!(names(&model).contains(&"app-1"));
    // Of a host that is chosen the group is folded, and is chosen then.
    press(&mut model, "jjj");
    assert!(model.list.host().is_some());
    model.press(Key::Left);
    assert_eq!((model.list.position(), model.list.host().is_some()), (0, false));
    model.press(Key::Enter);
    assert_eq!(names(&model).len(), 12, "Enter unfolds it");
    press(&mut model, "F");
    assert_eq!((names(&model).len(), model.list.rows.len()), (0, 3));
    press(&mut model, "F");
    assert_eq!(names(&model).len(), 12);
    // Groups are ordered as hosts are, by what they come to.
    press(&mut model, "Fs");
    let groups: Vec<String> = lines(&model)[3..6].iter().map(|line| line[..9].to_owned()).collect();
    assert_eq!(groups, ["▸ app ", "▸ db! ", "▸ web "].map(|name| format!("{name} ")), "{groups:?}");
    press(&mut model, "t");
    assert_eq!(names(&model).len(), 12);
}

#[test]
fn nothing_can_be_done_to_a_group() {
    let mut model = mixed((80, 24));
    press(&mut model, "tP");
    assert!(model.over.is_none() && model.orders.is_empty());
    assert!(lines(&model)[23].contains("no host is chosen"), "{}", lines(&model)[23]);
}

#[test]
fn columns_are_chosen_and_what_is_turned_on_is_seen() {
    let mut model = mixed((80, 24));
    let titles = |model: &Model| {
        let fields = model.list.fields(model.size.0);
        fields.iter().map(|(field, _)| field.title()).collect::<Vec<_>>().join(" ")
    };
    assert!(!titles(&model).contains("CALL") && titles(&model).contains("MEM%"));
    press(&mut model, "c");
    insta::assert_snapshot!("columns_80", lines(&model).join("\n"));
    let down_to = |model: &mut Model, wanted: Field| {
        let at = crate::cli::top::field::all().position(|field| field == wanted).unwrap();
        model.press(Key::Home);
        (0..at).for_each(|_| model.press(Key::Down));
    };
    down_to(&mut model, Field::Call);
    press(&mut model, " ");
    assert!(titles(&model).contains("CALL"), "{}", titles(&model));
    down_to(&mut model, Field::Mem);
    press(&mut model, " s");
    assert!(!titles(&model).contains("MEM%"));
    assert_eq!(model.list.sort, Field::Mem, "also by what is not seen");
    // The name is what a row is about.
    model.press(Key::Home);
    press(&mut model, " ");
    assert!(titles(&model).starts_with("HOST"));
    press(&mut model, "0");
    assert!(titles(&model).contains("MEM%") && !titles(&model).contains("CALL"));
    model.press(Key::Esc);
    assert!(model.over.is_none());
    assert!(matches!(model.screen, Screen::Fleet));
}
