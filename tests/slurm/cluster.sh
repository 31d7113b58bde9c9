#!/usr/bin/env bash
# A Slurm of one node with one pretended GPU, on the loopback interface: `cluster.sh start FOLDER`, `cluster.sh stop FOLDER`.
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge.
set -euo pipefail

start() {
    local folder=$1 host
    host=$(hostname)
    mkdir -p /run/munge /var/spool/slurmctld /var/spool/slurmd /var/log/slurm "$folder"
    chown munge: /run/munge && chmod 755 /run/munge
    chown slurm: /var/spool/slurmctld /var/log/slurm
    rm -rf /var/spool/slurmctld/* # no job of an earlier cluster
    pgrep -x munged > /dev/null || runuser -u munge -- /usr/sbin/munged
    touch "$folder/gpu0" /run/slurmctld.pid && chown slurm /run/slurmctld.pid
    cat > /etc/slurm/slurm.conf <<END
ClusterName=loop
SlurmctldHost=$host(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=1
MinJobAge=600
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=20000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    echo "NodeName=$host Name=gpu File=$folder/gpu0" > /etc/slurm/gres.conf
    slurmctld && sleep 2 && slurmd && sleep 2
    sinfo
}

stop() {
    scontrol shutdown || true
    sleep 2
    pkill -x slurmd || true
    pkill -x slurmctld || true
    pkill -x munged || true
}

"$1" "${2:-}"
