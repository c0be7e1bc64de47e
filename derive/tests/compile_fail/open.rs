use millpond::Open;

#[derive(Open)]
enum Either {
    One(millpond::Board<f32>),
}

#[derive(Open)]
struct Nameless(millpond::Board<f32>);

#[derive(Open)]
struct Misspelt {
    #[open(nam = "other")]
    board: millpond::Board<f32>,
}

fn main() {}
