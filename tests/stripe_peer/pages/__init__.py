"""The pages that a browser sees; each says that it is an emulator."""
