package dev.chancery.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jooq.SQLDialect;

/** Where a database is: what an operator's JDBC URL may say, and no more. */
sealed interface DatabaseAddress {
  /** The URL for the driver. */
  String url();

  SQLDialect dialect();

  /** What the driver is told besides the URL, user and password. */
  Properties properties();

  /** How to name the database in a message. */
  String description();

  /**
   * The first connection of this process, after which others may be made from the URL: the database
   * is then as the last process committed it, however that one ended.
   *
   * @throws DatabaseUnusable when what must be there beforehand cannot be made
   */
  Connection connect(Properties login) throws DatabaseUnusable, SQLException;

  /** What commits must reach; there once a connection was made. */
  Disk disk() throws DatabaseUnusable;

  /**
   * Reads a JDBC URL.
   *
   * @throws DatabaseUnusable when it is of another kind, or has an option that is not allowed here
   */
  static DatabaseAddress parse(String url) throws DatabaseUnusable {
    if (url.startsWith(H2File.PREFIX)) {
      return H2File.parse(url.substring(H2File.PREFIX.length()));
    }
    if (url.startsWith(PostgreSql.PREFIX)) {
      return PostgreSql.parse(url);
    }
    throw new DatabaseUnusable(
        "a database URL must begin with " + H2File.PREFIX + " or " + PostgreSql.PREFIX + "//");
  }

  /** An H2 database in a file that this process alone opens. */
  record H2File(Path path) implements DatabaseAddress {
    private static final String PREFIX = "jdbc:h2:file:";
    private static final Set<PosixFilePermission> OWNER_ONLY =
        PosixFilePermissions.fromString("rw-------");
    // The first three make H2 read and write the schema as PostgreSQL does.
    // The query cache holds what an ACME order executes; of the eight statements that H2 keeps by
    // default, nearly none is there when it is needed again. More than that costs each transaction:
    // H2 goes through all of them when one changes a table.
    // A row that is changed has its page written, and the pages above; of H2's own 16 KiB a chunk
    // is so large that the garbage collector marks all the time (docs/performance.md). A database
    // that was made with larger pages keeps them until they are split.
    // No trace file: it would be written beside the database, with bound values in it.
    private static final String OPTIONS =
        ";MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;DEFAULT_NULL_ORDERING=HIGH"
            + ";DB_CLOSE_ON_EXIT=FALSE;LOCK_TIMEOUT=5000;QUERY_CACHE_SIZE=64;PAGE_SIZE=2048"
            + ";TRACE_LEVEL_FILE=0";

    private static H2File parse(String path) throws DatabaseUnusable {
      // An option could run SQL (INIT) or open a port (AUTO_SERVER); a colon could name another
      // file system of H2's own.
      if (path.indexOf(';') >= 0) {
        throw new DatabaseUnusable("an H2 URL takes no options here: remove what follows the ;");
      }
      if (path.isEmpty() || path.indexOf(':') >= 0 || path.startsWith("~")) {
        throw new DatabaseUnusable(PREFIX + " must be followed by a plain path, not " + path);
      }
      try {
        return new H2File(Path.of(path).toAbsolutePath().normalize());
      } catch (InvalidPathException e) {
        throw new DatabaseUnusable(PREFIX + " must be followed by a path", e);
      }
    }

    private Path file() {
      return path.resolveSibling(path.getFileName() + ".mv.db");
    }

    @Override
    public String url() {
      return DurableFiles.url(path + OPTIONS);
    }

    @Override
    public SQLDialect dialect() {
      return SQLDialect.H2;
    }

    @Override
    public Properties properties() {
      return new Properties();
    }

    @Override
    public String description() {
      return file().toString();
    }

    @Override
    public Connection connect(Properties login) throws DatabaseUnusable, SQLException {
      makePrivate();
      return Objects.requireNonNull(new EmbeddedDriver().connect(url(), login));
    }

    @Override
    public Disk disk() throws DatabaseUnusable {
      try {
        return Disk.of(file());
      } catch (IOException e) {
        throw new DatabaseUnusable("the database file " + file() + " cannot be opened: " + e, e);
      }
    }

    /** The file exists with its permissions before H2 writes a byte into it. */
    private void makePrivate() throws DatabaseUnusable {
      try {
        if (Files.exists(file())) {
          Files.setPosixFilePermissions(file(), OWNER_ONLY);
        } else {
          Files.createFile(file(), PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        }
      } catch (IOException e) {
        throw new DatabaseUnusable(
            "the database file " + file() + " cannot be made private to this user: " + e, e);
      }
    }
  }

  /** A PostgreSQL database. */
  record PostgreSql(String url) implements DatabaseAddress {
    private static final String PREFIX = "jdbc:postgresql:";
    private static final Pattern FORM =
        Pattern.compile(
            "jdbc:postgresql://(?<place>[A-Za-z0-9.,:_\\[\\]-]+/[^?&@/]+)(\\?(?<options>.*))?");
    // What changes the way to the server. Secrets have their own settings, and options that name
    // classes or files to write are nobody's here.
    private static final Set<String> ALLOWED_OPTIONS =
        Set.of(
            "ApplicationName",
            "channelBinding",
            "connectTimeout",
            "currentSchema",
            "gssEncMode",
            "hostRecheckSeconds",
            "loadBalanceHosts",
            "loginTimeout",
            "prepareThreshold",
            "socketTimeout",
            "sslcert",
            "sslkey",
            "sslmode",
            "sslNegotiation",
            "sslrootcert",
            "targetServerType",
            "tcpKeepAlive");

    private static PostgreSql parse(String url) throws DatabaseUnusable {
      Matcher form = FORM.matcher(url);
      if (!form.matches()) {
        throw new DatabaseUnusable(
            "a PostgreSQL URL must be jdbc:postgresql://HOST[:PORT]/NAME[?OPTION=VALUE&...],"
                + " without user and password");
      }
      String options = form.group("options");
      if (options != null) {
        for (String option : options.split("&", -1)) {
          String name = option.replaceFirst("=.*", "");
          if (!ALLOWED_OPTIONS.contains(name)) {
            throw new DatabaseUnusable(
                "the option \"" + name + "\" of the PostgreSQL URL is not allowed here");
          }
        }
      }
      return new PostgreSql(url);
    }

    @Override
    public SQLDialect dialect() {
      return SQLDialect.POSTGRES;
    }

    @Override
    public Properties properties() {
      Properties properties = new Properties();
      properties.setProperty("ApplicationName", "chancery");
      properties.setProperty("connectTimeout", "5");
      properties.setProperty("tcpKeepAlive", "true");
      return properties;
    }

    @Override
    public String description() {
      Matcher form = FORM.matcher(url);
      return form.matches() ? "PostgreSQL at " + form.group("place") : "PostgreSQL";
    }

    @Override
    public Connection connect(Properties login) throws SQLException {
      return DriverManager.getConnection(url, login);
    }

    @Override
    public Disk disk() {
      return Disk.ofItsServer();
    }
  }
}
