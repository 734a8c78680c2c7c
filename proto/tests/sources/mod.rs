//! Descriptors to be looked at: of this crate's protos, and of texts.

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::{
    Compiler, Error,
    file::{File, FileResolver},
};

/// Every file of this crate.
pub(crate) fn ours() -> Vec<FileDescriptorProto> {
    [roundsman_proto::FILE_DESCRIPTOR_SET, roundsman_proto::HEALTH_DESCRIPTOR_SET]
        .iter()
        .flat_map(|set| FileDescriptorSet::decode(*set).unwrap().file)
        .collect()
}

/// The file `name` with this text; why it is none, where it is none.
pub(crate) fn compiled(name: &str, text: &str) -> Result<Vec<FileDescriptorProto>, Error> {
    let mut compiler = Compiler::with_file_resolver(Text(name.to_owned(), text.to_owned()));
    Ok(compiler.include_source_info(true).open_file(name)?.file_descriptor_set().file)
}

/// The only file that there is: its name and its text.
struct Text(String, String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        if name == self.0 {
            File::from_source(name, &self.1)
        } else {
            Err(Error::file_not_found(name))
        }
    }
}
