import suite

suite.install(globals(), "spawn")
