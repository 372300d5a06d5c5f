package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.SerialNumber;
import dev.chancery.testing.DatabaseKind;
import io.javalin.Javalin;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What becomes of a CRL after it was published: places, what the world sees, and lost disks. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(60)
final class CrlDistributionTest {
  @TempDir Path folder;

  private final List<String> failures = new CopyOnWriteArrayList<>();
  private final CrlDistribution.Observer observer =
      new CrlDistribution.Observer() {
        @Override
        public void put(String target, CrlName name) {}

        @Override
        public void failed(String target, CrlName name, String why) {
          failures.add(target);
        }
      };
  private CrlFixture crl;
  private CrlShelf shelf;
  private CrlPublisher publisher;

  @BeforeEach
  void open() throws Exception {
    crl = new CrlFixture(DatabaseKind.H2, folder);
    shelf = crl.shelf();
    publisher = crl.publisher(shelf);
  }

  @AfterEach
  void close() {
    publisher.close();
    crl.close();
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void await(Condition condition) throws Exception {
    Instant end = Instant.now().plusSeconds(30);
    while (!condition.holds()) {
      assertThat(Instant.now()).isBefore(end);
      Thread.sleep(10);
    }
  }

  @Test
  @DisplayName(
      "A place that is down keeps no other waiting, and gets what it missed when it is back")
  void placeDown() throws Exception {
    Path good = Files.createDirectory(folder.resolve("good"));
    Path bad = Files.writeString(folder.resolve("bad"), "not a directory");
    try (CrlDistribution distribution =
        new CrlDistribution(
            List.of(new DirectoryTarget(bad), new DirectoryTarget(good)),
            shelf,
            observer,
            CrlFixture.PAUSE)) {
      publisher.publish(CrlFixture.SCOPE);
      distribution.published(CrlFixture.NAME);
      await(() -> Files.exists(good.resolve("issuing.crl")) && failures.size() > 2);
      assertThat(failures).containsOnly(bad.toString());

      Files.delete(bad);
      Files.createDirectory(bad);
      await(() -> Files.exists(bad.resolve("issuing.crl")));
      assertThat(bad.resolve("issuing.crl")).hasSameBinaryContentAs(good.resolve("issuing.crl"));
    }
  }

  @Test
  @DisplayName("Without room on the disk nothing is published, the last CRL stays, and it goes on")
  void noRoom() throws Exception {
    publisher.publish(CrlFixture.SCOPE);
    CrlShelf.Copy last = shelf.refresh(CrlFixture.NAME).orElseThrow();
    Path gone = folder.resolve("gone");
    Files.move(shelf.folder(), gone);
    assertThatThrownBy(() -> publisher.publish(CrlFixture.SCOPE)).isInstanceOf(IOException.class);
    assertThat(crl.crls.currentNumber(CrlFixture.NAME)).contains(last.number());

    Files.move(gone, shelf.folder());
    publisher.publish(CrlFixture.SCOPE);
    assertThat(shelf.refresh(CrlFixture.NAME).orElseThrow().number())
        .isEqualTo(crl.crls.numbers().getLast())
        .isGreaterThan(last.number());
  }

  @Test
  @DisplayName("A clock that is put back costs one CRL more, with a higher number")
  void clockPutBack() throws Exception {
    publisher.publish(CrlFixture.SCOPE);
    BigInteger before = crl.crls.numbers().getLast();
    crl.clock.advance(Duration.ofHours(-5));
    publisher.refreshDue();
    await(() -> crl.crls.currentNumber(CrlFixture.NAME).orElseThrow().compareTo(before) > 0);
    publisher.refreshDue();
    Thread.sleep(200);
    assertThat(crl.crls.numbers()).hasSize(2);
    assertThat(crl.current().getThisUpdate().toInstant()).isBeforeOrEqualTo(crl.clock.instant());
  }

  @Test
  @DisplayName(
      "A file under the right number that is not the CRL is written again; a right one not")
  void rottenFile() throws Exception {
    Path place = Files.createDirectory(folder.resolve("www"));
    publisher.publish(CrlFixture.SCOPE);
    CrlShelf.Copy copy = shelf.refresh(CrlFixture.NAME).orElseThrow();
    byte[] right = CrlFixture.octets(copy);
    Path file = place.resolve("issuing.crl");
    byte[] rotten = right.clone();
    rotten[rotten.length - 1] ^= 1;
    for (byte[] wrong : List.of(rotten, Arrays.copyOf(right, right.length - 1))) {
      Files.write(file, wrong);
      DirectoryTarget target = new DirectoryTarget(place);
      assertThat(target.put(copy)).isTrue();
      assertThat(file).hasBinaryContent(right);
      assertThat(target.put(copy)).isFalse();
      // File systems tell times apart that are some milliseconds from each other.
      Thread.sleep(50);
      Files.write(file, wrong);
      assertThat(target.put(copy)).isTrue();
      assertThat(file).hasBinaryContent(right);
      assertThat(new DirectoryTarget(place).put(copy)).isFalse();
    }
  }

  @Test
  @DisplayName("A stopped node that has the lock of a directory keeps the others only for a while")
  void lockHeld() throws Exception {
    Path place = Files.createDirectory(folder.resolve("www"));
    publisher.publish(CrlFixture.SCOPE);
    CrlShelf.Copy copy = shelf.refresh(CrlFixture.NAME).orElseThrow();
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                LockingProcess.class.getName(),
                place.resolve(".chancery.lock").toString())
            .start();
    try {
      assertThat(other.getInputStream().read()).isEqualTo('!');
      DirectoryTarget target = new DirectoryTarget(place, Duration.ofMillis(300));
      assertThatThrownBy(() -> target.put(copy))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("another node has had the lock");
      assertThat(place.resolve("issuing.crl")).doesNotExist();
      other.destroyForcibly().waitFor();
      assertThat(target.put(copy)).isTrue();
    } finally {
      other.destroyForcibly().waitFor();
    }
  }

  /** Takes the lock on a file and keeps it until it is killed. */
  static final class LockingProcess {
    private LockingProcess() {}

    public static void main(String[] arguments) throws Exception {
      try (FileChannel file =
              FileChannel.open(
                  Path.of(arguments[0]), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = file.lock()) {
        System.out.write('!');
        System.out.flush();
        Thread.sleep(Duration.ofMinutes(1));
      }
    }
  }

  @Test
  @DisplayName("What the world sees is compared with what was published, octet for octet; ranges")
  void seen() throws Exception {
    CrlResource resource = new CrlResource(shelf, crl.clock, Duration.ofHours(1));
    Javalin server =
        Javalin.create(
                config -> {
                  config.startup.showJavalinBanner = false;
                  resource.mount(config.routes, "/crl");
                })
            .start("127.0.0.1", 0);
    URI url = URI.create("http://127.0.0.1:" + server.port() + "/crl/issuing.crl");
    crl.crls.addLocation(CrlFixture.SCOPE, url);
    try (PublicCrls world = new PublicCrls(List.of(crl.issuer), crl.crls, shelf, crl.clock);
        HttpClient http = HttpClient.newHttpClient()) {
      assertThat(world.look(CrlFixture.NAME, Set.of()).getLast())
          .isEqualTo(new PublicCrls.Look.Unusable(url, "the answer is 404"));

      publisher.publish(CrlFixture.SCOPE);
      PublicCrls.Look.Seen seen =
          (PublicCrls.Look.Seen) world.look(CrlFixture.NAME, Set.of()).getLast();
      assertThat(seen.newest()).isTrue();
      assertThat(seen.crl().verified()).isTrue();
      assertThat(seen.crl().number()).isEqualTo(crl.crls.numbers().getLast());

      byte[] all = CrlFixture.octets(shelf.refresh(CrlFixture.NAME).orElseThrow());
      HttpResponse<byte[]> part = get(http, url, "Range", "bytes=10-19");
      assertThat(part.statusCode()).isEqualTo(206);
      assertThat(part.body()).isEqualTo(Arrays.copyOfRange(all, 10, 20));
      assertThat(part.headers().firstValue("Content-Range")).hasValue("bytes 10-19/" + all.length);
      assertThat(get(http, url, "Range", "bytes=99999-").statusCode()).isEqualTo(416);
      HttpResponse<byte[]> other = get(http, url, "Range", "bytes=0-1", "If-Range", "\"another\"");
      assertThat(other.statusCode()).isEqualTo(200);
      assertThat(other.body()).isEqualTo(all);
    } finally {
      server.stop();
    }
  }

  @Test
  @DisplayName("RFC 5280 6.3.3: a list that relying parties refuse is no good, though the newest")
  void unusable() throws Exception {
    AtomicReference<byte[]> there = new AtomicReference<>(new byte[0]);
    AtomicInteger whole = new AtomicInteger();
    Javalin server =
        Javalin.create(
                config -> {
                  config.startup.showJavalinBanner = false;
                  config.routes.get(
                      "/<path>",
                      context -> {
                        String tag = '"' + Integer.toString(Arrays.hashCode(there.get())) + '"';
                        context.header("ETag", tag);
                        if (tag.equals(context.header("If-None-Match"))) {
                          context.status(304);
                        } else {
                          whole.incrementAndGet();
                          context.result(there.get());
                        }
                      });
                })
            .start("127.0.0.1", 0);
    String place = "http://127.0.0.1:" + server.port();
    CrlScope shard = new CrlScope(CrlFixture.ISSUER, 1);
    crl.crls.addLocation(CrlFixture.SCOPE, URI.create(place + "/old/issuing.crl"));
    crl.crls.addLocation(CrlFixture.SCOPE, URI.create(place + "/issuing.crl"));
    try (PublicCrls world = new PublicCrls(List.of(crl.issuer), crl.crls, shelf, crl.clock)) {
      publisher.publish(CrlFixture.SCOPE);
      there.set(CrlFixture.octets(shelf.refresh(CrlFixture.NAME).orElseThrow()));
      List<PublicCrls.Look> looks = world.look(CrlFixture.NAME, Set.of());
      assertThat(looks)
          .extracting(look -> look.url().getPath())
          .containsExactly("/old/issuing.crl", "/issuing.crl");
      assertThat(looks).allMatch(PublicCrls.Look::isGood);
      assertThat(whole).hasValue(2);
      assertThat(world.look(CrlFixture.NAME, Set.of())).isEqualTo(looks);
      assertThat(whole).hasValue(2);
      // Asked about a certificate, it is read again.
      SerialNumber serial = SerialNumber.of(BigInteger.TEN);
      assertThat(world.look(CrlFixture.NAME, Set.of(serial))).allMatch(PublicCrls.Look::isGood);
      assertThat(whole).hasValue(4);

      crl.clock.advance(Duration.ofHours(-2));
      assertThat(problem(world)).contains("begins at");
      crl.clock.advance(Duration.ofHours(2).plusDays(7));
      assertThat(problem(world)).contains("has ended");
      publisher.publish(CrlFixture.SCOPE);
      assertThat(world.look(CrlFixture.NAME, Set.of()).getLast())
          .isInstanceOfSatisfying(
              PublicCrls.Look.Seen.class, seen -> assertThat(seen.newest()).isFalse());

      there.set(CrlFixture.octets(shelf.refresh(CrlFixture.NAME).orElseThrow()));
      assertThat(world.look(CrlFixture.NAME, Set.of())).allMatch(PublicCrls.Look::isGood);
      // The list does not say yet that it is one of several.
      crl.crls.addLocation(shard, URI.create(place + "/issuing/1.crl"));
      assertThat(problem(world)).contains("IssuingDistributionPoint");
      publisher.publish(CrlFixture.SCOPE);
      there.set(CrlFixture.octets(shelf.refresh(CrlFixture.NAME).orElseThrow()));
      assertThat(world.look(CrlFixture.NAME, Set.of())).allMatch(PublicCrls.Look::isGood);

      // Of another issuer with the same key.
      CrlIssuer other = crl.issuerNamed("CN=Another CA");
      try (CrlPublisher wrong =
          new CrlPublisher(
              List.of(other), crl.crls, crl.revocations, crl.shelf(), crl.clock, name -> {})) {
        wrong.publish(CrlFixture.SCOPE);
      }
      there.set(CrlFixture.octets(shelf.refresh(CrlFixture.NAME).orElseThrow()));
      assertThat(problem(world)).contains("is not the issuer's");
    } finally {
      server.stop();
    }
  }

  private static String problem(PublicCrls world) throws Exception {
    PublicCrls.Look.Seen seen =
        (PublicCrls.Look.Seen) world.look(CrlFixture.NAME, Set.of()).getLast();
    assertThat(seen.isGood()).isFalse();
    assertThat(seen.newest()).isTrue();
    return seen.problem().orElseThrow();
  }

  @Test
  @DisplayName(
      "URLs that hang keep a round of looks no longer than its bound, and others not at all")
  void hangingUrls() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String place = "http://127.0.0.1:" + silent.getLocalPort() + "/";
      for (int shard = 1; shard <= 40; shard++) {
        CrlScope scope = new CrlScope(CrlFixture.ISSUER, shard);
        crl.crls.addLocation(scope, URI.create(place + CrlName.complete(scope).path()));
      }
      Set<CrlName> looked = ConcurrentHashMap.newKeySet();
      CrlWatch.Observer seeing =
          new CrlWatch.Observer() {
            @Override
            public Set<SerialNumber> awaited(CrlName name) {
              looked.add(name);
              return Set.of();
            }

            @Override
            public void saw(CrlName name, List<PublicCrls.Look> looks, Set<SerialNumber> awaited) {}
          };
      long end;
      try (PublicCrls world = new PublicCrls(List.of(crl.issuer), crl.crls, shelf, crl.clock);
          CrlWatch watch = new CrlWatch(world, seeing, CrlFixture.PAUSE, Duration.ofMillis(200))) {
        watch.lookAtAll();
        await(() -> looked.size() >= 8);
        Thread.sleep(500);
        // As many as hang at once are begun, and no more: each of them has half a minute.
        assertThat(looked).hasSizeLessThanOrEqualTo(9);
        end = System.nanoTime();
      }
      assertThat(Duration.ofNanos(System.nanoTime() - end))
          .as("an end does not wait for looks")
          .isLessThan(Duration.ofSeconds(4));
    }
  }

  private static HttpResponse<byte[]> get(HttpClient http, URI url, String... headers)
      throws Exception {
    return http.send(
        HttpRequest.newBuilder(url).headers(headers).build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }
}
