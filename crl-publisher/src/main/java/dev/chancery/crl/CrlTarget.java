package dev.chancery.crl;

import java.io.IOException;

/** A place that CRLs are copied to, from where others serve them. */
public interface CrlTarget {
  /** What the operator calls it, for logs and metrics. */
  String name();

  /**
   * Puts a CRL at its path, unless the place has one with a higher number, or has this one as it
   * is. Whoever reads it there sees the old one whole or the new one whole.
   *
   * @return whether anything was written
   * @throws IOException when that cannot be, and what was there still is
   */
  boolean put(CrlShelf.Copy crl) throws IOException;
}
