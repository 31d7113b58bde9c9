#!/usr/bin/env bash
# A Slurm of one node with one pretended GPU: `cluster.sh start FOLDER`, `cluster.sh stop FOLDER`. Everything lies in FOLDER
# but two links in /etc/slurm, where jobs look; it is refused where a Slurm is at home, and only what it started is stopped.
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge.
set -euo pipefail

start() {
    local folder=$1 host
    host=$(hostname)
    if [ -e /etc/slurm/slurm.conf ]; then
        echo "error: /etc/slurm/slurm.conf is there, so this machine has a Slurm of its own: run the test on another" >&2
        exit 1
    fi
    mkdir -p "$folder"/{munge,state,spool,log}
    touch "$folder/gpu0"
    dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
    chmod 400 "$folder/munge/key"
    chown -R munge: "$folder/munge"
    chown slurm: "$folder/state" "$folder/log"
    runuser -u munge -- /usr/sbin/munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/munged.pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    cat > "$folder/slurm.conf" <<END
ClusterName=loop
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/state/slurmctld.pid
SlurmdPidFile=$folder/spool/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/spool/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=1
MinJobAge=600
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=20000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    echo "NodeName=$host Name=gpu File=$folder/gpu0" > "$folder/gres.conf"
    ln -sfn "$folder/slurm.conf" "$folder/gres.conf" /etc/slurm/
    slurmctld && sleep 2 && slurmd && sleep 2
    sinfo
}

stop() {
    local pid name
    for pid in "$1"/spool/slurmd.pid "$1"/state/slurmctld.pid "$1"/munge/munged.pid; do
        if [ -s "$pid" ]; then kill "$(cat "$pid")" || true; fi
    done
    for name in slurm.conf gres.conf; do
        if [ "$(readlink /etc/slurm/$name)" = "$1/$name" ]; then rm "/etc/slurm/$name"; fi
    done
    sleep 2
}

"$1" "$2"
