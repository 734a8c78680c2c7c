//! Literals: what goes in comes out, bit by bit, and nothing of it is read as SQL.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    strategy::ValueTree as _,
    test_runner::TestRunner,
};

use super::*;
use crate::store::mysql::literal;

/// What a row holds; none: unknown.
type Values = (Option<i64>, Option<f64>, WallMs, Option<String>, Option<Vec<u8>>);

const FIRST: i64 = -30_610_224_000_000;
const LAST: i64 = 253_402_300_799_999;

/// What a server might read wrongly: ends of the types, and the text of statements.
fn edges() -> Vec<Values> {
    let bits = |bits: u64| f64::from_bits(bits);
    let reals = [
        0.0,
        -0.0,
        0.1 + 0.2,
        1e15,
        123_456_789_012_345_680.0,
        9_007_199_254_740_993.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        bits(1),
        bits(0x000f_ffff_ffff_ffff),
        5e-324,
        2.225_073_858_507_201_1e-308,
        1.797_693_134_862_315_7e308,
    ];
    let wholes = [0, 1, -1, i64::MAX, i64::MIN, i64::MIN + 1, 1 << 53, i64::from(i32::MIN)];
    let texts = [
        "",
        "'",
        "''",
        "\\",
        "\\'",
        "\0",
        "'); DROP TABLE kept; -- ",
        "x'",
        "?",
        "\u{1a}",
        "\n\r\t",
        "\u{202e}\u{10ffff}é\u{feff}",
        "/*!50000 */",
        "\"`#",
        "NULL",
        "%_",
    ];
    let moments = [FIRST, LAST, 0, -1, 1_774_747_800_250, 1_774_742_400_000, 951_782_400_000];
    let count = reals.len().max(wholes.len()).max(texts.len()).max(moments.len());
    let all = (0..count).map(|n| {
        let text = texts[n % texts.len()];
        (
            Some(wholes[n % wholes.len()]),
            Some(reals[n % reals.len()]),
            WallMs(moments[n % moments.len()]),
            Some(text.to_owned()),
            Some(text.bytes().rev().chain([0xff, 0x27, 0x5c, 0x00]).collect()),
        )
    });
    all.chain([(None, None, WallMs(0), None, None)]).collect()
}

/// Any row: half of the reals any bits at all, the others as they are measured.
fn any_row() -> impl Strategy<Value = Values> {
    let real = prop_oneof![
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |real| real.is_finite()),
        (0..100_000_000_u32).prop_map(|thousandths| f64::from(thousandths) / 1e3),
    ];
    let real = prop_oneof![real.prop_map(Some), Just(None)];
    let moment = (FIRST..=LAST).prop_map(WallMs);
    (any::<Option<i64>>(), real, moment, any::<Option<String>>(), any::<Option<Vec<u8>>>())
}

fn literals(number: usize, (whole, real, moment, text, bytes): &Values) -> String {
    let mut row = literal::Row::with_room(0);
    row.int(i64::try_from(number).unwrap());
    row.int(*whole);
    row.real(*real);
    row.real(real.filter(|real| real.abs() <= f64::from(f32::MAX)));
    row.moment(*moment);
    row.text(text.as_deref());
    row.bytes(bytes.as_deref());
    row.end()
}

/// A row as it came back, and its FLOAT.
fn read(row: Row) -> (Values, Option<f32>) {
    let mut cells = row.unwrap().into_iter();
    let mut next = || cells.next().unwrap();
    let whole = match next() {
        Cell::NULL => None,
        Cell::Int(whole) => Some(whole),
        other => panic!("{other:?} is no BIGINT"),
    };
    let real = match next() {
        Cell::NULL => None,
        Cell::Double(real) => Some(real),
        other => panic!("{other:?} is no DOUBLE"),
    };
    let single = match next() {
        Cell::NULL => None,
        Cell::Float(single) => Some(single),
        other => panic!("{other:?} is no FLOAT"),
    };
    let moment = moment::wall(&next()).unwrap();
    let mut bytes = || match next() {
        Cell::NULL => None,
        Cell::Bytes(bytes) => Some(bytes),
        other => panic!("{other:?} is no bytes"),
    };
    let text = bytes().map(|text| String::from_utf8(text).unwrap());
    ((whole, real, moment, text, bytes()), single)
}

#[expect(clippy::cast_possible_truncation, reason = "that is what a FLOAT keeps")]
fn single(real: f64) -> Option<f32> {
    (real.abs() <= f64::from(f32::MAX)).then_some(real as f32)
}

#[tokio::test]
async fn what_is_written_as_a_literal_comes_out_bit_by_bit() {
    let port = shared();
    let mut conn = conn(port, Some(&new_database(port).await)).await;
    let table = "CREATE TABLE kept (n BIGINT PRIMARY KEY, whole BIGINT, real_ DOUBLE, single FLOAT,
                 at DATETIME(3), words MEDIUMTEXT, bytes MEDIUMBLOB) CHARACTER SET utf8mb4";
    conn.query_drop(table).await.unwrap();
    let mut rows = edges();
    let drawn = vec(any_row(), 1_000).new_tree(&mut TestRunner::deterministic()).unwrap();
    rows.extend(drawn.current());
    for mode in ["STRICT_ALL_TABLES", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ANSI_QUOTES"] {
        conn.query_drop("TRUNCATE kept").await.unwrap();
        conn.query_drop(format!("SET sql_mode = '{mode}'")).await.unwrap();
        let texts: Vec<String> =
            rows.iter().enumerate().map(|(number, row)| literals(number, row)).collect();
        for some in texts.chunks(100) {
            let sql = format!("INSERT INTO kept VALUES {}", some.join(","));
            conn.query_drop(sql).await.unwrap();
            let warnings: Vec<(String, u16, String)> = conn.query("SHOW WARNINGS").await.unwrap();
            assert_eq!(warnings, []);
        }
        let back = "SELECT whole, real_, single, at, words, bytes FROM kept ORDER BY n";
        let back: Vec<Row> = conn.exec(back, ()).await.unwrap();
        assert_eq!(back.len(), rows.len());
        for (wanted, row) in rows.iter().zip(back) {
            let (found, float) = read(row);
            // MariaDB keeps no sign of a zero; adding 0 to it takes it away.
            let bits = |values: &Values| values.1.map(|real| (real + 0.0).to_bits());
            let bits_of_single = |real: f32| (real + 0.0).to_bits();
            assert_eq!(&found, wanted, "{mode}");
            assert_eq!(bits(&found), bits(wanted), "{wanted:?}");
            let wanted = wanted.1.and_then(single);
            assert_eq!(float.map(bits_of_single), wanted.map(bits_of_single), "{float:?}");
        }
    }
}

#[test]
fn what_is_no_number_is_unknown_and_reals_have_exponents() {
    let text = |real: f64| {
        let mut row = literal::Row::with_room(0);
        row.real(Some(real));
        row.end()
    };
    assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(text), ["(NULL)"; 3]);
    for real in [0.0, 1.5, 1e-9, 1e22, 123_456_789.125] {
        let text = text(real);
        assert!(text.contains('e'), "{text} would be a DECIMAL");
    }
}
