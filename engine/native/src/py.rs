//! What Python sees: `engine._native.codec` and `engine._native.media`.

use pyo3::prelude::*;

mod codec;
mod media;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let modules = py.import("sys")?.getattr("modules")?;
    for (name, fill) in [
        (
            "codec",
            codec::fill as fn(&Bound<'_, PyModule>) -> PyResult<()>,
        ),
        ("media", media::fill),
    ] {
        let inner = PyModule::new(py, name)?;
        fill(&inner)?;
        module.add_submodule(&inner)?;
        modules.set_item(format!("engine._native.{name}"), &inner)?;
    }
    Ok(())
}
