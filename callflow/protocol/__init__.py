"""The contract between the engine and whoever steers calls. Everything else translates its spelling."""
