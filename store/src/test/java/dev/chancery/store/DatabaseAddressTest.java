package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused at the start, in one line that gives no secret away. */
final class DatabaseAddressTest {
  private static final String SECRET = "hunter2-hunter2";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "jdbc:h2:mem:x",
        "jdbc:h2:tcp://localhost/x",
        "jdbc:h2:./x",
        "jdbc:h2:file:",
        "jdbc:h2:file:~/x",
        "jdbc:h2:file:memFS:x",
        "jdbc:h2:file:FOLDER/x;INIT=RUNSCRIPT FROM 'x'",
        "jdbc:h2:file:FOLDER/x;AUTO_SERVER=TRUE",
        "jdbc:h2:file:FOLDER/x;IFEXISTS=TRUE",
        "jdbc:h2:file:FOLDER/x;TRACE_LEVEL_FILE=3",
        "jdbc:h2:file:FOLDER/x;",
        "jdbc:mysql://localhost/x",
        "jdbc:postgresql:x",
        "jdbc:postgresql://localhost",
        "jdbc:postgresql://localhost/",
        "jdbc:postgresql://user:hunter2-hunter2@localhost/x",
        "jdbc:postgresql://localhost/x?password=hunter2-hunter2",
        "jdbc:postgresql://localhost/x?user=me",
        "jdbc:postgresql://localhost/x?sslmode=require&socketFactory=evil.Factory",
        "jdbc:postgresql://localhost/x?loggerFile=FOLDER/x",
        "jdbc:postgresql://localhost/x?%70assword=hunter2-hunter2",
        "jdbc:postgresql://localhost/x?",
      })
  void urlIsRefused(String form) {
    String url = form.replace("FOLDER", folder.toString());
    assertThatThrownBy(() -> Database.open(DatabaseSettings.of(url, "me", () -> SECRET)))
        .isInstanceOf(DatabaseUnusable.class)
        .hasMessageNotContaining("\n")
        .hasMessageNotContaining(SECRET);
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:postgresql://localhost/x",
        "jdbc:postgresql://[::1]:5432/x",
        "jdbc:postgresql://a.example:5432,b.example:5433/x?targetServerType=primary",
        "jdbc:postgresql://db/x?sslmode=verify-full&sslrootcert=/etc/root.pem",
      })
  void urlIsTaken(String url) throws Exception {
    assertThat(DatabaseAddress.parse(url).url()).isEqualTo(url);
  }

  @Test
  void settingsNeverShowThePassword() {
    assertThat(DatabaseSettings.of("jdbc:h2:file:x", "me", () -> SECRET).toString())
        .doesNotContain(SECRET);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 3, 1001})
  void poolIsBounded(int connections) {
    DatabaseSettings standard = DatabaseSettings.of("jdbc:h2:file:x", "me", () -> "");
    assertThatThrownBy(() ->
            new DatabaseSettings(
                standard.url(), "me", standard.password(), connections, standard.patience()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void fileIsItsOwnersAlone() throws Exception {
    Path file = folder.resolve("db.mv.db");
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")));

    Database.open(h2("")).close();

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void folderMustExist() {
    assertRefused(
        DatabaseSettings.of("jdbc:h2:file:" + folder.resolve("no/db"), "sa", () -> ""),
        folder.resolve("no/db.mv.db").toString());
  }

  @Test
  void wrongPasswordIsRefused() throws Exception {
    Database.open(h2("right")).close();

    assertRefused(h2(SECRET), "refuses the user sa or its password");
  }

  @Test
  void fileThatIsNoDatabaseIsRefused() throws Exception {
    Files.writeString(folder.resolve("db.mv.db"), "garbage".repeat(2000));

    assertRefused(h2(""), "no connection to " + folder.resolve("db.mv.db"));
  }

  @Test
  void fileInUseByAnotherProcessIsRefused() throws Exception {
    Process other =
        ForkedJvm.start(CommittingProcess.class, folder.resolve("db").toString(), "1000000");
    try (var lines = other.inputReader()) {
      assertThat(lines.readLine()).isEqualTo("0");

      assertRefused(h2(""), folder.resolve("db.mv.db") + " is open in another process");
    } finally {
      other.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void unknownPostgreSqlDatabaseIsRefused() {
    TestDatabase where = DatabaseKind.POSTGRESQL.create(folder);
    String url = where.url().replaceFirst("/[^/]*$", "/nowhere");

    assertRefused(
        DatabaseSettings.of(url, where.user(), where::password), "/nowhere does not exist");
  }

  @Test
  void unreachablePostgreSqlIsRefused() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }

    assertRefused(
        DatabaseSettings.of("jdbc:postgresql://127.0.0.1:" + port + "/x", "me", () -> SECRET),
        "no connection to PostgreSQL at 127.0.0.1:" + port + "/x");
  }

  private DatabaseSettings h2(String password) {
    return DatabaseSettings.of("jdbc:h2:file:" + folder.resolve("db"), "sa", () -> password);
  }

  private static void assertRefused(DatabaseSettings settings, String why) {
    assertThatThrownBy(() -> Database.open(settings).close())
        .isInstanceOf(DatabaseUnusable.class)
        .hasMessageContaining(why)
        .hasMessageNotContaining("\n")
        .hasMessageNotContaining(SECRET);
  }
}
