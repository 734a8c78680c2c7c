//! Compiles the protos in pure Rust (no `protoc` on the machine) and keeps the descriptor set
//! beside the generated code, so that gRPC reflection serves exactly what was compiled.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (folder, file, kept) in [
        ("roundsman", "roundsman/v1/probe.proto", "roundsman_v1.bin"),
        ("grpc", "grpc/health/v1/health.proto", "grpc_health_v1.bin"),
    ] {
        println!("cargo:rerun-if-changed={folder}");
        let descriptors = protox::compile([file], ["."])?;
        fs::write(out.join(kept), descriptors.encode_to_vec())?;
        tonic_prost_build::configure()
            .type_attribute(".", "#[derive(serde::Serialize)]")
            .compile_fds(descriptors)?;
    }
    Ok(())
}
