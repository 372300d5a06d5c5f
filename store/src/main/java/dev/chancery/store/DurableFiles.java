package dev.chancery.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FilePathWrapper;

/**
 * H2's file system for its database files here: {@code durable:} before the path of another one.
 *
 * <p>Public, with its constructor, only because H2 makes its paths by reflection.
 */
public final class DurableFiles extends FilePathWrapper {
  private static final String SCHEME = "durable";
  // Over H2's asynchronous channel: an interrupt of the thread that waits does not close it, as it
  // would the standard one, and the whole database with it.
  private static final String URL_PREFIX = "jdbc:h2:" + SCHEME + ":async:";
  private static final String DATABASE = ".mv.db";

  /** The JDBC URL of a database file, without its suffix, in this file system. */
  static String url(String path) {
    FilePath.register(new DurableFiles());
    return URL_PREFIX + path;
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FileChannel open(String mode) throws IOException {
    FileChannel file = super.open(mode);
    // What H2 spills beside the database is nothing that anyone would miss.
    return name.endsWith(DATABASE) ? new DurableFile(file) : file;
  }
}
