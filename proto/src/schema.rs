//! A .proto file as a compiled descriptor: the form in which some registry clients ask for a schema.

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// The name under which a schema without a name is compiled.
const NAME: &str = "schema.proto";

/// Says why a text is no .proto file.
#[derive(Debug, thiserror::Error)]
#[error("compile the schema: {0}")]
pub struct InvalidSchema(String);

/// Returns the encoded `FileDescriptorProto` of a .proto file. It may import Google's well-known types and nothing else.
pub fn file_descriptor(schema: &str) -> Result<Vec<u8>, InvalidSchema> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Only(schema.to_owned()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    let compiled = compiler.open_file(NAME).map_err(|error| InvalidSchema(error.to_string()))?;
    let set = compiled.file_descriptor_set();
    let file = set.file.into_iter().find(|file| file.name() == NAME);
    Ok(prost::Message::encode_to_vec(&file.expect("the file just compiled is in the set")))
}

struct Only(String);

impl FileResolver for Only {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name != NAME {
            return Err(protox::Error::file_not_found(name));
        }
        File::from_source(name, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event as _, ImageFailed};

    #[test]
    fn our_schemas_compile_and_others_are_refused_with_a_reason() {
        assert!(!file_descriptor(ImageFailed::SCHEMA).unwrap().is_empty());
        let refused = file_descriptor("syntax = \"proto3\"; import \"/etc/passwd\";").unwrap_err();
        assert!(refused.to_string().contains("compile the schema"));
        assert!(file_descriptor("not a schema").is_err());
    }
}
