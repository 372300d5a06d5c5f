package dev.chancery.crl;

import java.io.IOException;

/** A place that CRLs are copied to, from where others serve them. */
public interface CrlTarget {
  /** What the operator calls it, for logs and metrics. */
  String name();

  /**
   * Puts a CRL at its path, unless the place has one with a higher number. Whoever reads it there
   * sees the old one whole or the new one whole.
   *
   * @throws IOException when that cannot be, and what was there still is
   */
  void put(CrlShelf.Copy crl) throws IOException;
}
