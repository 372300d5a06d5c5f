package dev.chancery.crl;

import static dev.chancery.store.schema.Tables.CRLS;
import static dev.chancery.store.schema.Tables.CRL_OCTETS;
import static dev.chancery.store.schema.Tables.ISSUERS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.lang.ProcessBuilder.Redirect;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Publishers that die at any instant, or whose disk is full. */
@ParameterizedClass
@EnumSource(DatabaseKind.class)
@Timeout(300)
final class PublisherProcessTest {
  /** So that the octets of a CRL are in some pieces. */
  private static final int REVOKED = 12_000;

  private static final int MOST_MILLIS = 400;

  @TempDir static Path archives;
  private static QuickStart quickStart;

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private PublishingProcess.Place place;
  private CrlIssuer issuer;
  private BigInteger seen = BigInteger.ZERO;
  private BigInteger seenInDirectory = BigInteger.ZERO;

  @BeforeAll
  static void quicken() throws Exception {
    quickStart = new QuickStart(archives);
  }

  @BeforeEach
  void populate() throws Exception {
    // The fixture's own database goes unused: its key and certificate are wanted.
    try (CrlFixture fixture =
        new CrlFixture(kind, Files.createDirectory(folder.resolve("fixture")))) {
      issuer = fixture.issuer;
      Path key = Files.createDirectory(folder.resolve("key"));
      PublishingProcess.writeKey(key, fixture.token.keyPair(CrlFixture.KEY), issuer.certificate());
      if (!quickStart.isReady()) {
        place = place(key, Files.createDirectory(folder.resolve("first")));
        publishAndEnd();
      }
      place = place(key, folder);
    }
  }

  private PublishingProcess.Place place(Path key, Path within) throws Exception {
    PublishingProcess.Place made =
        new PublishingProcess.Place(
            kind.create(Files.createDirectory(within.resolve("database"))),
            key,
            Files.createDirectory(within.resolve("shelf")),
            Files.createDirectory(within.resolve("www")));
    TestDatabase where = made.database();
    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      new IssuerRegistry(database).register(CrlFixture.ISSUER, issuer.key().publicKey());
    }
    return made;
  }

  /** The one process that lives to its end. */
  private void publishAndEnd() throws Exception {
    try (Started first = Started.of(place.command(quickStart.first(PublishingProcess.class)))) {
      assertThat(first.ask("publish")).isEqualTo("done");
      assertThat(first.ask("put")).isEqualTo("done");
      first.in().close();
      assertThat(first.process().waitFor()).isZero();
    }
  }

  private List<String> command() {
    return command(place);
  }

  private static List<String> command(PublishingProcess.Place place) {
    return place.command(quickStart.again(PublishingProcess.class));
  }

  private Database open() throws Exception {
    TestDatabase where = place.database();
    return Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
  }

  /** A process that is started, and what it says. */
  private record Started(Process process, PrintWriter in, BufferedReader out)
      implements AutoCloseable {
    static Started of(List<String> command) throws IOException {
      Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
      return new Started(
          process,
          new PrintWriter(
              new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true),
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)));
    }

    /** The answer to a line. */
    String ask(String line) throws IOException {
      in.println(line);
      String answer = out.readLine();
      // What a logger says is of no matter.
      while (answer != null && !answer.startsWith("> ")) {
        answer = out.readLine();
      }
      return answer == null ? "ended" : answer.substring(2);
    }

    @Override
    public void close() {
      process.destroyForcibly().onExit().join();
    }
  }

  private void revokeMany() throws Exception {
    try (Database database = open()) {
      PublishingProcess.revoke(database, REVOKED);
    }
  }

  private SeenCrl read(InputStream in) throws IOException {
    try (in) {
      return SeenCrl.read(in, issuer, Long.MAX_VALUE, Set.of());
    }
  }

  /** What relying parties can get is whole, and never older than what they had. */
  private void verify() throws Exception {
    try (Database database = open()) {
      JooqCrlLedger ledger = new JooqCrlLedger(database, Clock.systemUTC());
      var current = ledger.current(CrlFixture.NAME);
      if (current.isPresent()) {
        SeenCrl crl = read(current.get().encoded().open());
        assertThat(crl.verified()).isTrue();
        assertThat(crl.number()).isGreaterThanOrEqualTo(seen);
        seen = crl.number();
      }
      // What was taken is taken for good, also by who died.
      assertThat(
              database.sql().select(ISSUERS.LAST_CRL_NUMBER).from(ISSUERS).fetchSingle().value1())
          .isGreaterThanOrEqualTo(seen);
    }
    Path file = place.directory().resolve("issuing.crl");
    if (Files.exists(file)) {
      SeenCrl crl = read(Files.newInputStream(file));
      assertThat(crl.verified()).isTrue();
      assertThat(crl.number()).isBetween(seenInDirectory, seen);
      seenInDirectory = crl.number();
    }
  }

  /** The next process publishes under a number of its own, and cleans up what the dead one left. */
  private void goOn() throws Exception {
    BigInteger before = seen;
    try (Started next = Started.of(command())) {
      assertThat(next.ask("publish")).isEqualTo("done");
      assertThat(next.ask("put")).isEqualTo("done");
    }
    verify();
    assertThat(seen).isGreaterThan(before).isEqualTo(seenInDirectory);
    try (Database database = open()) {
      assertThat(database.sql().fetchCount(CRLS)).isEqualTo(1);
      assertThat(
              database
                  .sql()
                  .selectDistinct(CRL_OCTETS.NUMBER)
                  .from(CRL_OCTETS)
                  .fetch(CRL_OCTETS.NUMBER))
          .containsExactly(seen);
    }
    try (Stream<Path> files = Files.list(place.shelf())) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  @DisplayName(
      "A publisher that dies at a step leaves the last CRL, or a new one, and no number twice")
  void diesAtAStep() throws Exception {
    revokeMany();
    for (FaultyCrlLedger.Fault step :
        List.of(
            FaultyCrlLedger.Fault.NUMBER_TAKEN,
            FaultyCrlLedger.Fault.RECORD,
            FaultyCrlLedger.Fault.RECORDED,
            FaultyCrlLedger.Fault.PUBLISH,
            FaultyCrlLedger.Fault.PUBLISHED)) {
      BigInteger before = seen;
      try (Started process = Started.of(command())) {
        assertThat(process.ask("die " + step)).isEqualTo("ready");
        assertThat(process.ask("publish")).isEqualTo("ended");
        assertThat(process.process().waitFor()).isEqualTo(FaultyCrlLedger.DEAD);
      }
      verify();
      if (step == FaultyCrlLedger.Fault.PUBLISHED) {
        assertThat(seen).isGreaterThan(before);
      } else {
        assertThat(seen).isEqualTo(before);
      }
      goOn();
    }
  }

  @Test
  @DisplayName(
      "A publisher that is killed at any instant leaves whole CRLs wherever it writes them")
  void killed() throws Exception {
    revokeMany();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 4; i++) {
      try (Started process = Started.of(command())) {
        assertThat(process.ask("forever")).isEqualTo("ready");
        Thread.sleep(random.nextInt(MOST_MILLIS));
      }
      try {
        verify();
      } catch (AssertionError e) {
        throw new AssertionError("with the seed " + seed, e);
      }
    }
    goOn();
  }

  @Test
  @DisplayName(
      "A full disk fails the publication, leaves the last CRL whole, and nothing beside it")
  void diskFull() throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "unshare",
                "--mount",
                "--map-root-user",
                "sh",
                "-c",
                "mount -t tmpfs -o size=256k none \"$0\" && mount -t tmpfs -o size=256k none \"$1\""
                    + " && shift && exec \"$@\"",
                place.shelf().toString(),
                place.directory().toString()));
    command.addAll(command());
    try (Started process = Started.of(command)) {
      assertThat(process.ask("publish")).isEqualTo("done");
      assertThat(process.ask("put")).isEqualTo("done");
      // What is mounted there is seen by that process alone.
      Path root = Path.of("/proc/" + process.process().pid() + "/root");
      Path file = within(root, place.directory()).resolve("issuing.crl");
      byte[] before = Files.readAllBytes(file);
      BigInteger number = read(Files.newInputStream(file)).number();

      // By the process itself, which on H2 has the database alone.
      assertThat(process.ask("revoke " + REVOKED)).isEqualTo("done");
      assertThat(process.ask("publish")).startsWith("failed").contains("No space left");
      assertThat(Files.readAllBytes(file)).isEqualTo(before);
      Path shelf = within(root, place.shelf());
      try (Stream<Path> files = Files.list(shelf)) {
        assertThat(files).hasSize(1);
      }

      resize(process, place.shelf(), "16m");
      assertThat(process.ask("publish")).isEqualTo("done");
      assertThat(process.ask("put")).startsWith("failed").contains("No space left");
      assertThat(Files.readAllBytes(file)).isEqualTo(before);
      try (Stream<Path> files = Files.list(file.getParent())) {
        assertThat(files.map(each -> each.getFileName().toString()))
            .containsExactlyInAnyOrder("issuing.crl", ".chancery.lock");
      }

      resize(process, place.directory(), "16m");
      assertThat(process.ask("put")).isEqualTo("done");
      SeenCrl crl = read(Files.newInputStream(file));
      assertThat(crl.verified()).isTrue();
      assertThat(crl.entries()).isEqualTo(REVOKED);
      assertThat(crl.number()).isGreaterThan(number);
    }
  }

  @Test
  @DisplayName("Two nodes that share a directory never leave an older list, or half a one, in it")
  void sharedDirectory() throws Exception {
    // H2 has one process at a time.
    assumeThat(kind).isEqualTo(DatabaseKind.POSTGRESQL);
    revokeMany();
    PublishingProcess.Place other =
        new PublishingProcess.Place(
            place.database(),
            place.key(),
            Files.createDirectory(folder.resolve("shelf of another")),
            place.directory());
    try (Started here = Started.of(command());
        Started there = Started.of(command(other))) {
      assertThat(here.ask("forever")).isEqualTo("ready");
      assertThat(there.ask("forever")).isEqualTo("ready");
      Path file = place.directory().resolve("issuing.crl");
      Set<BigInteger> numbers = new TreeSet<>();
      long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
      while (numbers.size() < 12) {
        assertThat(System.nanoTime() - end).isNegative();
        if (Files.exists(file)) {
          SeenCrl crl = read(Files.newInputStream(file));
          assertThat(crl.verified()).isTrue();
          assertThat(crl.entries()).isEqualTo(REVOKED);
          assertThat(crl.number()).isGreaterThanOrEqualTo(seenInDirectory);
          seenInDirectory = crl.number();
          numbers.add(crl.number());
        }
      }
      assertThat(here.process().isAlive()).isTrue();
      assertThat(there.process().isAlive()).isTrue();
    }
    verify();
  }

  private static Path within(Path root, Path path) {
    return root.resolve(Path.of("/").relativize(path));
  }

  private static void resize(Started process, Path mount, String size) throws Exception {
    Process resizing =
        new ProcessBuilder(
                "nsenter",
                "--target",
                Long.toString(process.process().pid()),
                "--mount",
                "--user",
                "mount",
                "-o",
                "remount,size=" + size,
                mount.toString())
            .inheritIO()
            .start();
    assertThat(resizing.waitFor()).isZero();
  }
}
