//! gRPC reflection over descriptor sets: `grpc.reflection.v1`, and `v1alpha` for clients that are
//! older or ask nothing else.
//!
//! Messages and transport are tonic-reflection's, the answers are not: its service ends the call
//! with a status at the first name it does not know. The protocol answers that with an
//! `error_response` and goes on, and clients look up many names over one call.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    pin::Pin,
    sync::Arc,
};

use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{
    Code, Request, Response, Status, Streaming,
    codegen::{Context, Poll, Service, http},
    server::NamedService,
};
use tonic_reflection::pb::{
    v1::{
        self, ErrorResponse, ExtensionNumberResponse, ExtensionRequest, FileDescriptorResponse,
        ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
        server_reflection_request::MessageRequest,
        server_reflection_response::MessageResponse,
        server_reflection_server::{ServerReflection, ServerReflectionServer},
    },
    v1alpha,
};

pub use tonic_reflection::pb::{
    v1::server_reflection_server::SERVICE_NAME as V1,
    v1alpha::server_reflection_server::SERVICE_NAME as V1ALPHA,
};

/// `grpc.reflection.v1` as it is served.
pub type Reflection = ServerReflectionServer<Descriptors>;

/// The reflection of the services in `sets`, encoded `FileDescriptorSet`s, and of its own.
///
/// # Errors
/// When a set does not decode.
pub fn of(sets: &[&[u8]]) -> Result<Reflection, prost::DecodeError> {
    let mut index = Index::default();
    for set in sets.iter().chain(&[v1::FILE_DESCRIPTOR_SET, v1alpha::FILE_DESCRIPTOR_SET]) {
        for file in FileDescriptorSet::decode(*set)?.file {
            index.add(&file);
        }
    }
    Ok(ServerReflectionServer::new(Descriptors(Arc::new(index))))
}

/// `grpc.reflection.v1alpha`: the messages of v1 with the same numbers, under an older name.
#[derive(Debug, Clone)]
pub struct Older(pub Reflection);

impl NamedService for Older {
    const NAME: &'static str = V1ALPHA;
}

impl<B> Service<http::Request<B>> for Older
where
    Reflection: Service<http::Request<B>>,
{
    type Response = <Reflection as Service<http::Request<B>>>::Response;
    type Error = <Reflection as Service<http::Request<B>>>::Error;
    type Future = <Reflection as Service<http::Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        if let Ok(path) = format!("/{V1}/{method}").parse() {
            *request.uri_mut() = path;
        }
        self.0.call(request)
    }
}

/// Files, and which of them declares which full name.
#[derive(Debug, Default)]
pub struct Descriptors(Arc<Index>);

#[derive(Debug, Default)]
struct Index {
    /// By name, encoded.
    files: HashMap<String, Vec<u8>>,
    /// Of each full name, the file that declares it.
    symbols: HashMap<String, String>,
    messages: HashSet<String>,
    services: BTreeSet<String>,
}

impl Index {
    fn add(&mut self, file: &FileDescriptorProto) {
        let (name, package) = (file.name(), file.package());
        self.files.insert(name.to_owned(), file.encode_to_vec());
        for service in &file.service {
            let service_name = self.declare(name, package, service.name());
            for method in &service.method {
                self.declare(name, &service_name, method.name());
            }
            self.services.insert(service_name);
        }
        for message in &file.message_type {
            self.add_message(name, package, message);
        }
        for one in &file.enum_type {
            self.add_enum(name, package, one);
        }
    }

    fn add_message(&mut self, file: &str, scope: &str, message: &DescriptorProto) {
        let scope = self.declare(file, scope, message.name());
        for field in &message.field {
            self.declare(file, &scope, field.name());
        }
        for oneof in &message.oneof_decl {
            self.declare(file, &scope, oneof.name());
        }
        for one in &message.enum_type {
            self.add_enum(file, &scope, one);
        }
        for nested in &message.nested_type {
            self.add_message(file, &scope, nested);
        }
        self.messages.insert(scope);
    }

    /// The values of an enum are its siblings, as in C++.
    fn add_enum(&mut self, file: &str, scope: &str, one: &EnumDescriptorProto) {
        self.declare(file, scope, one.name());
        for value in &one.value {
            self.declare(file, scope, value.name());
        }
    }

    /// The full name.
    fn declare(&mut self, file: &str, scope: &str, name: &str) -> String {
        let full = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
        self.symbols.insert(full.clone(), file.to_owned());
        full
    }

    fn file(&self, name: &str) -> MessageResponse {
        self.files.get(name).map_or_else(
            || error(Code::NotFound, format!("no file {name:?} here")),
            |file| {
                let file_descriptor_proto = vec![file.clone()];
                MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                    file_descriptor_proto,
                })
            },
        )
    }

    /// No file here imports another or declares an extension.
    fn answer(&self, question: Option<&MessageRequest>) -> MessageResponse {
        match question {
            Some(MessageRequest::FileByFilename(name)) => self.file(name),
            Some(MessageRequest::FileContainingSymbol(name)) => match self.symbols.get(name) {
                Some(file) => self.file(file),
                None => error(Code::NotFound, format!("nothing is called {name:?} here")),
            },
            Some(MessageRequest::FileContainingExtension(asked)) => {
                let ExtensionRequest { containing_type, extension_number } = asked;
                let text = format!("no extension {extension_number} of {containing_type:?} here");
                error(Code::NotFound, text)
            }
            Some(MessageRequest::AllExtensionNumbersOfType(name)) => {
                if !self.messages.contains(name) {
                    return error(Code::NotFound, format!("no message is called {name:?} here"));
                }
                MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                    base_type_name: name.clone(),
                    extension_number: Vec::new(),
                })
            }
            Some(MessageRequest::ListServices(_)) => {
                let names = self.services.iter().cloned();
                let service = names.map(|name| ServiceResponse { name }).collect();
                MessageResponse::ListServicesResponse(ListServiceResponse { service })
            }
            None => error(Code::InvalidArgument, "the request asks nothing".to_owned()),
        }
    }
}

fn error(code: Code, error_message: String) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse { error_code: code.into(), error_message })
}

#[tonic::async_trait]
impl ServerReflection for Descriptors {
    type ServerReflectionInfoStream =
        Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let index = Arc::clone(&self.0);
        // A question is read when the answer before it is taken: nothing waits in between.
        let answers = request.into_inner().map(move |question| {
            let question = question?;
            Ok(ServerReflectionResponse {
                valid_host: question.host.clone(),
                message_response: Some(index.answer(question.message_request.as_ref())),
                original_request: Some(question),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
