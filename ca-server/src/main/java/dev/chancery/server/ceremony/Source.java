package dev.chancery.server.ceremony;

/** Where the files of a ceremony are read from, by their names. */
interface Source {
  boolean has(String name);

  /**
   * The whole file.
   *
   * @throws CeremonyRefused when there is none, or it is not the one that should be there
   */
  byte[] read(String name) throws CeremonyRefused;
}
