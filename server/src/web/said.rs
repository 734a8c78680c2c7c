//! The routes of what people say, of alarms, of moments and on boards, and of who they are.

use axum::{extract::DefaultBodyLimit, handler::Handler as _, http::StatusCode};
use serde_json::json;

use super::{
    MAX_BOARD_BODY_BYTES, annotations,
    asked::{AlarmAsked, AnnotationsAsked, AuditAsked},
    audit, boards, body,
    openapi::Routes,
    operation::{AWAY, BAD, MISSING, OK, Operation, of_host},
    params::Param,
    people, session, sign_in,
};
use crate::{
    model::Role,
    query::{AckShape, AnnotationShape, AnnotationsPage, AuditPage, SilenceShape, SilencesPage},
};

/// All of them.
pub(super) fn routes(routes: Routes) -> Routes {
    access(boarded(annotated(people(routes))))
}

/// What people say of alarms.
fn people(routes: Routes) -> Routes {
    let silences = Operation::new("silences", "The silences that hold, what ends first first")
        .answers::<SilencesPage>(OK, "All of them")
        .fails(&[BAD, AWAY]);
    let silence = Operation::new("silence", "Keep alarms back for some time")
        .reads::<people::SilenceAsked>()
        .answers::<SilenceShape>(StatusCode::CREATED, "The silence, kept")
        .fails(&[BAD, StatusCode::CONFLICT, AWAY]);
    let id = Param::path("id", json!({ "type": "string" }), "The silence's id");
    let end_silence = Operation::new("end_silence", "End a silence")
        .takes(id)
        .reads::<body::Nothing>()
        .answers::<SilenceShape>(OK, "The silence that is over, as it was")
        .fails(&[BAD, MISSING, AWAY]);
    let ack = of_host("ack", "Note that somebody has seen its alarm: no repeats and no steps")
        .asks::<AlarmAsked>()
        .reads::<people::AckAsked>()
        .answers::<AckShape>(OK, "What keeps the alarm back then")
        .fails(&[StatusCode::CONFLICT]);
    let unack = of_host("unack", "Take the acknowledgement of its alarm back")
        .asks::<AlarmAsked>()
        .reads::<body::Nothing>()
        .answers::<AckShape>(OK, "What keeps the alarm back then")
        .fails(&[StatusCode::CONFLICT]);
    routes
        .get("/api/v1/silences", people::silences, silences)
        .post("/api/v1/silences", people::silence, silence)
        .post("/api/v1/silences/{id}/end", people::end_silence, end_silence)
        .post("/api/v1/hosts/{name}/alert/ack", people::ack, ack)
        .post("/api/v1/hosts/{name}/alert/unack", people::unack, unack)
}

/// What people and scripts say of moments.
fn annotated(routes: Routes) -> Routes {
    let list = Operation::new("annotations", "What was said of moments of a span, newest first")
        .asks::<AnnotationsAsked>()
        .answers::<AnnotationsPage>(OK, "The annotations that touch it")
        .fails(&[BAD, MISSING, AWAY, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE]);
    let annotate = Operation::new("annotate", "Say something of a moment: a deployment, a note")
        .reads::<annotations::AnnotationAsked>()
        .answers::<AnnotationShape>(StatusCode::CREATED, "The annotation, on its way to the store")
        .fails(&[BAD, AWAY]);
    let id = Param::path("id", json!({ "type": "string" }), "The annotation's id");
    let remove = Operation::new("remove_annotation", "Remove an annotation")
        .takes(id)
        .reads::<body::Nothing>()
        .answers::<AnnotationShape>(OK, "The annotation that is gone, as it was")
        .fails(&[BAD, MISSING, AWAY]);
    routes
        .get("/api/v1/annotations", annotations::annotations, list)
        .post("/api/v1/annotations", annotations::annotate, annotate)
        .post("/api/v1/annotations/{id}/remove", annotations::remove, remove)
}

/// Boards: pages of charts that somebody chose.
fn boarded(routes: Routes) -> Routes {
    let of_board = |name, summary| {
        let words = "The board's name: that of its file, without .toml";
        let board = Param::path("name", json!({ "type": "string" }), words);
        Operation::new(name, summary).whole().takes(board).fails(&[BAD, MISSING, AWAY])
    };
    let list = Operation::new("boards", "The boards, and what is wrong with their files")
        .whole()
        .answers::<boards::BoardsPage>(OK, "By name")
        .fails(&[BAD, AWAY]);
    let one = of_board("board", "A board: its charts, its text and its version")
        .answers::<boards::BoardShape>(OK, "The board");
    let put = of_board("put_board", "Write a board, or a new one")
        .reads::<boards::BoardAsked>()
        .answers::<boards::BoardShape>(OK, "The board as it is then")
        .fails(&[StatusCode::CONFLICT]);
    let remove = of_board("remove_board", "Remove a board")
        .reads::<boards::BoardGone>()
        .answers::<boards::BoardShape>(OK, "The board that is gone, as it was")
        .fails(&[StatusCode::CONFLICT]);
    let large = DefaultBodyLimit::max(MAX_BOARD_BODY_BYTES);
    routes
        .get("/api/v1/boards", boards::boards, list)
        .get("/api/v1/boards/{name}", boards::board, one)
        .put("/api/v1/boards/{name}", boards::put.layer(large), put)
        .post("/api/v1/boards/{name}/remove", boards::remove, remove)
}

/// Who asks, and who may.
fn access(routes: Routes) -> Routes {
    let with_token = Operation::new("sign_in", "Sign in with a token: the cookie of a session")
        .reads::<session::SignIn>()
        .answers::<session::IdentityShape>(OK, "Who that is")
        .fails(&[BAD, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN])
        .fails(&[StatusCode::MISDIRECTED_REQUEST, StatusCode::TOO_MANY_REQUESTS])
        .open();
    let to = Param::query("to", json!({ "type": "string" }), "The page to come to then");
    let begin = Operation::new("begin_sign_in", "To the provider of OpenID Connect (oidc.issuer)")
        .takes(to)
        .leads("There, or back to where one signs in")
        .open();
    let returned = |name, words| Param::query(name, json!({ "type": "string" }), words);
    let finish = Operation::new("finish_sign_in", "From that provider: the cookie of a session")
        .takes(returned("code", "What the provider gives for it"))
        .takes(returned("state", "What it was sent with the browser"))
        .leads("To where one signs in, and from there to the page")
        .open();
    let whoami = Operation::new("whoami", "Who asks")
        .answers::<session::IdentityShape>(OK, "Who, and what they may do and see")
        .fails(&[BAD]);
    let sign_out = Operation::new("sign_out", "End the session whose cookie comes along")
        .role(Role::Viewer)
        .reads::<body::Nothing>()
        .ends("It is over")
        .fails(&[BAD]);
    let tokens = Operation::new("tokens", "Who has a token, what for and until when")
        .role(Role::Admin)
        .whole()
        .answers::<session::TokensPage>(OK, "All of them")
        .fails(&[BAD]);
    let audit =
        Operation::new("audit", "Who asked for which change, and who was refused, newest first")
            .role(Role::Admin)
            .whole()
            .asks::<AuditAsked>()
            .answers::<AuditPage>(OK, "The entries")
            .fails(&[BAD, AWAY]);
    routes
        .get("/login/oidc", sign_in::begin, begin)
        .get("/login/oidc/callback", sign_in::finish, finish)
        .post("/api/v1/session", session::sign_in, with_token)
        .get("/api/v1/session", session::whoami, whoami)
        .post("/api/v1/session/end", session::sign_out, sign_out)
        .get("/api/v1/tokens", session::tokens, tokens)
        .get("/api/v1/audit", audit::audit, audit)
}
