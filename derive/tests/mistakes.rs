//! What the compiler says of structs that cannot be records: each file of `compile_fail/` has the
//! message beside it. Here and not with millpond's tests, because building millpond again for this
//! then leaves its heavy dev-dependencies out.

#[test]
fn mistakes_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/pass_*.rs");
    for path in std::fs::read_dir("tests/compile_fail")
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".rs") && !name.starts_with("pass_") {
            cases.compile_fail(path);
        }
    }
}
