package dev.chancery.acme;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Master;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.RRSIGRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/** A DNS server on the loopback address, over UDP and TCP, that knows what a test tells it. */
final class DnsServer implements AutoCloseable {
  private final DatagramSocket udp;
  private final ServerSocket tcp;
  private final Map<Name, List<Record>> zone = new ConcurrentHashMap<>();
  private final Map<Name, Integer> failures = new ConcurrentHashMap<>();
  final List<Name> asked = new CopyOnWriteArrayList<>();
  final AtomicInteger overTcp = new AtomicInteger();
  volatile boolean truncating;
  volatile boolean silent;
  volatile Optional<OPTRecord> edns = Optional.empty();

  DnsServer() {
    // What is free for UDP may be taken for TCP.
    DatagramSocket datagrams = bindUdp();
    Optional<ServerSocket> connections = bindTcp(datagrams);
    while (connections.isEmpty()) {
      datagrams.close();
      datagrams = bindUdp();
      connections = bindTcp(datagrams);
    }
    udp = datagrams;
    tcp = connections.get();
    Thread.ofVirtual().start(this::serveUdp);
    Thread.ofVirtual().start(this::serveTcp);
  }

  private static DatagramSocket bindUdp() {
    try {
      return new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<ServerSocket> bindTcp(DatagramSocket udp) {
    try {
      return Optional.of(new ServerSocket(udp.getLocalPort(), 10, udp.getLocalAddress()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  InetSocketAddress address() {
    return new InetSocketAddress(udp.getLocalAddress(), udp.getLocalPort());
  }

  /** Adds records as a zone file writes them. */
  void add(String... lines) throws IOException {
    for (String line : lines) {
      try (Master file =
          new Master(new ByteArrayInputStream((line + "\n").getBytes(StandardCharsets.US_ASCII)))) {
        Record read = file.nextRecord();
        zone.computeIfAbsent(read.getName(), name -> new CopyOnWriteArrayList<>()).add(read);
      }
    }
  }

  void addLoopback(String name) {
    try {
      add(name + " 60 IN A 127.0.0.1");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void add(Record... records) {
    for (Record record : records) {
      zone.computeIfAbsent(record.getName(), name -> new CopyOnWriteArrayList<>()).add(record);
    }
  }

  void addText(String name, String text) {
    // A string of a TXT record holds 255 octets.
    List<String> strings = new ArrayList<>();
    for (int at = 0; at < text.length() || at == 0; at += 255) {
      strings.add(text.substring(at, Math.min(text.length(), at + 255)));
    }
    add(new TXTRecord(name(name), DClass.IN, 60, strings));
  }

  void forget(String name) {
    zone.remove(name(name));
  }

  static Name name(String text) {
    try {
      return Name.fromString(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void fail(String name, int rcode) throws IOException {
    failures.put(Name.fromString(name), rcode);
  }

  /** Answers again for a name that was to fail. */
  void succeed(String name) {
    failures.remove(name(name));
  }

  private void serveUdp() {
    byte[] buffer = new byte[4096];
    while (!udp.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        udp.receive(packet);
        Message query = new Message(Arrays.copyOf(buffer, packet.getLength()));
        if (silent) {
          continue;
        }
        Message answer = answer(query);
        int most = query.getOPT() == null ? 512 : query.getOPT().getPayloadSize();
        if (truncating || answer.toWire().length > most) {
          answer.removeAllRecords(Section.ANSWER);
          answer.getHeader().setFlag(Flags.TC);
        }
        byte[] octets = answer.toWire();
        udp.send(new DatagramPacket(octets, octets.length, packet.getSocketAddress()));
      } catch (IOException e) {
        // The client went away, or the test ends.
      }
    }
  }

  private void serveTcp() {
    while (!tcp.isClosed()) {
      try (Socket socket = tcp.accept()) {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        Message query = new Message(in.readNBytes(in.readUnsignedShort()));
        overTcp.incrementAndGet();
        byte[] octets = answer(query).toWire();
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeShort(octets.length);
        out.write(octets);
        out.flush();
      } catch (IOException e) {
        // The client went away, or the test ends.
      }
    }
  }

  private Message answer(Message query) {
    Record question = query.getQuestion();
    asked.add(question.getName());
    edns = Optional.ofNullable(query.getOPT());
    boolean signatures = edns.filter(one -> (one.getFlags() & ExtendedFlags.DO) != 0).isPresent();
    Message answer = new Message(query.getHeader().getID());
    answer.getHeader().setFlag(Flags.QR);
    answer.getHeader().setFlag(Flags.RA);
    answer.addRecord(question, Section.QUESTION);
    Integer failure = failures.get(question.getName());
    List<Record> known = zone.get(question.getName());
    if (failure != null) {
      answer.getHeader().setRcode(failure);
    } else if (known == null) {
      answer.getHeader().setRcode(Rcode.NXDOMAIN);
    } else {
      known.stream()
          .filter(record -> record.getDClass() == DClass.IN)
          .filter(record ->
              record.getType() == question.getType()
                  || record.getType() == Type.CNAME
                  || (signatures
                      && record instanceof RRSIGRecord signature
                      && signature.getTypeCovered() == question.getType()))
          .forEach(record -> answer.addRecord(record, Section.ANSWER));
    }
    return answer;
  }

  @Override
  public void close() {
    udp.close();
    try {
      tcp.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
