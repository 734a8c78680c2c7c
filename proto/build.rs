//! Compiles the protos in pure Rust (no `protoc` on the machine) and keeps the descriptor set
//! beside the generated code, so that gRPC reflection serves exactly what was compiled.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=roundsman");
    let descriptors = protox::compile(["roundsman/v1/probe.proto"], ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("roundsman_v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .type_attribute(".", "#[derive(serde::Serialize)]")
        .compile_fds(descriptors)?;
    Ok(())
}
