package dev.chancery.server.ceremony;

/** The people at the machine: they are told what happens, and asked before anything is signed. */
public interface Console {
  /** Shows some lines. */
  void say(String text);

  /**
   * Asks for a line.
   *
   * @return what was typed, without blanks around it; empty when nothing more can be typed
   */
  String ask(String question);
}
