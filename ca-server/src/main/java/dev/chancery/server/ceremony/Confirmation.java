package dev.chancery.server.ceremony;

import dev.chancery.core.ToBeSigned;

/** Shows what is about to be signed, and wants the item's name typed. */
final class Confirmation {
  /** What was typed is not the item's name; nothing was written or signed. */
  static final class NotGiven extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotGiven(String item) {
      super("what was typed is not " + item + ": it was not signed", null, false, false);
    }
  }

  private final Console console;

  Confirmation(Console console) {
    this.console = console;
  }

  void require(String item, String description, ToBeSigned toBeSigned) {
    console.say(description);
    console.say("  to be signed: SHA-256 " + Digests.sha256(toBeSigned.bytes().bytes()));
    console.say("  signed with:  " + toBeSigned.scheme());
    if (!console.ask("type " + item + " to sign it: ").equals(item)) {
      throw new NotGiven(item);
    }
  }
}
