package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlName;
import dev.chancery.testing.DatabaseKind;
import io.javalin.Javalin;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a CRL after it was published: places, what the world sees, and lost disks. */
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
    try (PublicCrls world = new PublicCrls(List.of(crl.issuer), crl.crls, shelf);
        HttpClient http = HttpClient.newHttpClient()) {
      assertThat(world.look(CrlFixture.NAME, Set.of()).orElseThrow())
          .isEqualTo(new PublicCrls.Look.Unusable(url, "the answer is 404"));

      publisher.publish(CrlFixture.SCOPE);
      PublicCrls.Look.Seen seen =
          (PublicCrls.Look.Seen) world.look(CrlFixture.NAME, Set.of()).orElseThrow();
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

  private static HttpResponse<byte[]> get(HttpClient http, URI url, String... headers)
      throws Exception {
    return http.send(
        HttpRequest.newBuilder(url).headers(headers).build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }
}
