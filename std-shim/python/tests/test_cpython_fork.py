import suite

suite.install(globals(), "fork")
