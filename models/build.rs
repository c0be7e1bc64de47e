//! Gives this crate, and no other, the atomics of `loom`.

fn main() {
    println!("cargo:rustc-cfg=loom");
    println!("cargo:rerun-if-changed=build.rs");
}
